//! The logins of connections: each has a role of its own, as a second login with a role ends the first.

use std::time::Duration;

use prost::Message as _;
use sysconn::token::Keys;
use sysconn::{ClientKind, Identity, Login};

use crate::clock::unix_ms;
use crate::login_as::kind_in_message;
use crate::messages::account;
use crate::options::{BenchLogin, read, shown};

/// How long a token is good: a login follows at once.
const LIFETIME: Duration = Duration::from_secs(600);

/// Makes logins.
#[derive(Debug)]
pub(super) struct Logins {
    account: String,
    next_role: u64,
    kind: ClientKind,
    token: Token,
}

/// Where tokens come from.
#[derive(Debug)]
enum Token {
    None,
    Keys(Keys),
    Template(String),
}

impl Logins {
    /// # Errors
    /// One line that says why the file of keys cannot be used.
    pub(super) fn new(login: &BenchLogin) -> Result<Self, String> {
        let token = match (&login.token_keys, &login.token) {
            (Some(path), _) => {
                let name = format!("--token-keys: {}", shown(path));
                let text = read(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
                Token::Keys(Keys::from_text(&text).map_err(|error| format!("{name}: {error}"))?)
            }
            (None, Some(template)) => Token::Template(template.clone()),
            (None, None) => Token::None,
        };
        let (account, next_role, kind) = (login.account.clone(), login.first_role, login.kind);
        Ok(Logins { account, next_role, kind, token })
    }

    /// The Data of the next login (command 1002).
    pub(super) fn next(&mut self) -> Vec<u8> {
        let role_id = self.next_role;
        self.next_role = self.next_role.saturating_add(1);
        let account = format!("{}{role_id}", self.account);
        let token = match &self.token {
            Token::None => String::new(),
            Token::Keys(keys) => {
                let identity = Identity { account: account.clone(), role_id, ..Identity::default() };
                let expires = Duration::from_millis(unix_ms()).saturating_add(LIFETIME);
                keys.sign(&Login { identity, kind: self.kind, ..Login::default() }, expires.as_secs())
            }
            Token::Template(template) => {
                template.replace("{role}", &role_id.to_string()).replace("{account}", &account)
            }
        };
        let kind = kind_in_message(self.kind).into();
        account::Login { account, role_id, kind, token, ..account::Login::default() }.encode_to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Kind;

    #[test]
    fn each_login_has_the_next_role_and_its_own_token() {
        let login = BenchLogin {
            always: true,
            account: "bot-".to_owned(),
            first_role: 7,
            kind: ClientKind::Operator,
            token_keys: None,
            token: Some("{account}/{role}".to_owned()),
        };
        let mut logins = Logins::new(&login).unwrap();
        for (role_id, name) in [(7, "bot-7"), (8, "bot-8")] {
            let message = account::Login::decode(&logins.next()[..]).unwrap();
            assert_eq!((message.role_id, &*message.account), (role_id, name));
            assert_eq!(message.kind(), Kind::Monitor);
            assert_eq!(message.token, format!("{name}/{role_id}"));
        }
    }
}
