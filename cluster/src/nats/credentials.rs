//! As whom a node connects to NATS.

use std::fmt;

/// A user and password, or the seed of an nkey. Not shown in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(pub(super) Secret);

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Secret {
    Password(String, String),
    Nkey(String),
}

/// A text has no credentials: it is not one line with `USER:PASSWORD` or the seed of a user's nkey (`SU…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialsError;

/// The length of a seed.
const SEED_BYTES: usize = 58;

impl Credentials {
    /// Reads the text of a file: one line, `USER:PASSWORD` or the seed of a user's nkey. Lines that begin
    /// with `#`, and empty ones, do not count.
    ///
    /// # Errors [`CredentialsError`].
    pub fn parse(text: &str) -> Result<Self, CredentialsError> {
        let lines = text.lines().map(str::trim);
        let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (Some(line), None) = (lines.next(), lines.next()) else { return Err(CredentialsError) };
        let is_seed = line.len() == SEED_BYTES && line.starts_with("SU");
        if is_seed && line.bytes().all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte)) {
            return Ok(Credentials(Secret::Nkey(line.to_owned())));
        }
        let (user, password) = line.split_once(':').ok_or(CredentialsError)?;
        if user.is_empty() || password.is_empty() {
            return Err(CredentialsError);
        }
        Ok(Credentials(Secret::Password(user.to_owned(), password.to_owned())))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Secret::Password(..) => "a user and password",
            Secret::Nkey(_) => "an nkey",
        })
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("credentials are one line: USER:PASSWORD, or the seed of a user's nkey, SU...")
    }
}

impl std::error::Error for CredentialsError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_has_a_password_or_a_seed() {
        let seed = format!("SU{}", "A".repeat(56));
        let password =
            |user: &str, password: &str| Ok(Credentials(Secret::Password(user.into(), password.into())));
        for (text, expected) in [
            ("user:secret", password("user", "secret")),
            ("# for nodes\n\nuser:se:cret\n", password("user", "se:cret")),
            (&*seed, Ok(Credentials(Secret::Nkey(seed.clone())))),
            (&format!("{seed}\n"), Ok(Credentials(Secret::Nkey(seed.clone())))),
            (&seed.to_lowercase(), Err(CredentialsError)),
            (&seed[..57], Err(CredentialsError)),
            ("", Err(CredentialsError)),
            ("user", Err(CredentialsError)),
            ("user:", Err(CredentialsError)),
            (":secret", Err(CredentialsError)),
            ("a:b\nc:d", Err(CredentialsError)),
        ] {
            assert_eq!(Credentials::parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", Credentials::parse("user:secret").unwrap());
        assert_eq!(shown, "a user and password");
    }
}
