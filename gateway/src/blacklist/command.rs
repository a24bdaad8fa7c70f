//! `sysconn blacklist`: the black list of a server that runs, or of a store that no server uses.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use sysconn::client::{ClientError, Offer, TIMEOUT, Url};
use sysconn::packet::ErrorId;
use sysconn::{ClientKind, Identity, Login};

use super::{AddError, Blacklist, Entry, Mistake, Rules, Subject};
use crate::client::{AnyClient, connect};
use crate::clock::utc;
use crate::login_as::{login_as, read_token};
use crate::messages::{self, account, monitor};
use crate::options::{BlacklistAction, BlacklistTarget, BlacklistTask, LoginAs, of_option};
use crate::output::{print, print_with};
use crate::signals;
use crate::store::{Store, StoreError};

/// The account of an operator whose token does not say it.
const ACCOUNT: &str = "operator";
/// The most entries that are asked for at once.
const PAGE: u32 = 1000;
/// How long the next try waits after a server has said that there were too many.
const AGAIN: Duration = Duration::from_millis(100);
/// An operator's mistake.
const MISTAKE: &str = "an account above 255 bytes, or an address that is none or may not be listed";

/// Does what the arguments ask for, and prints entries, or how many there are then.
///
/// # Errors
/// One line that says why it cannot be done.
pub(crate) fn blacklist(task: &BlacklistTask) -> Result<(), String> {
    signals::unblock()?;
    match &task.on {
        BlacklistTarget::Server { url, offer, token_file, login } => {
            let token = token_file.as_deref().map(read_token).transpose().map_err(of_option("token-file"))?;
            ask(url, offer, &token.unwrap_or_default(), login, &task.action)
        }
        BlacklistTarget::Data { directory, ipv6_prefix } => {
            let store = Arc::new(Store::open_existing(directory).map_err(of_option("data"))?);
            let list = Blacklist::open(Rules::of_command(*ipv6_prefix), store.clone())?;
            let result = act(&list, &task.action);
            store.close();
            result
        }
    }
}

/// Acts on a list in a store.
fn act(list: &Blacklist, action: &BlacklistAction) -> Result<(), String> {
    let mistake = |Mistake| format!("blacklist: {MISTAKE}");
    let failed = |error: StoreError| format!("blacklist: {error}");
    let (told, done) = channel();
    match action {
        BlacklistAction::List => {
            let entries = list.page(0, usize::MAX).entries;
            return print_entries(entries.into_iter().map(|(subject, entry)| message(subject, entry)));
        }
        BlacklistAction::Add { account, address, seconds } => {
            let subjects = list.to_add(account, address).map_err(mistake)?;
            list.add(subjects, *seconds, move |added| {
                let _ = told.send(added.map_err(|error| match error {
                    AddError::Full => "blacklist: the list is full of operators' entries".to_owned(),
                    AddError::Store(error) => failed(error),
                }));
            });
        }
        BlacklistAction::Remove { account, address } => {
            let subjects = list.to_remove(account, address).map_err(mistake)?;
            list.remove(&subjects, move |removed| _ = told.send(removed.map_err(failed)));
        }
        BlacklistAction::Clear => list.clear(move |cleared| _ = told.send(cleared.map_err(failed))),
    }
    let total = done.recv().map_err(|_| failed(StoreError::Unavailable))??;
    print_total(total as u64)
}

/// Acts on the list of a server.
fn ask(
    url: &Url,
    offer: &Offer,
    token: &str,
    login: &LoginAs,
    action: &BlacklistAction,
) -> Result<(), String> {
    let failed = |error: ClientError| format!("{}: {error}", url.shown());
    let mut client = connect(url, offer, None, TIMEOUT, |_| Ok(())).map_err(failed)?;
    let result = ask_over(&mut client, url, &login_of(token, login), action);
    client.close();
    result
}

/// Logs in over a connection, and asks.
fn ask_over(
    client: &mut AnyClient,
    url: &Url,
    login: &account::Login,
    action: &BlacklistAction,
) -> Result<(), String> {
    let failed = |error: ClientError| format!("{}: {error}", url.shown());
    let _: account::LoggedIn = client.ask(account::LOGIN, login).map_err(|error| match error {
        ClientError::Refused(ErrorId::LOGIN_REFUSED) => format!(
            "{}: the login is refused: expected a token of an operator that is good for account {:?}, role {} \
             (--login-account, --login-role)",
            url.shown(),
            login.account,
            login.role_id
        ),
        error => failed(error),
    })?;
    let refused = |error| match error {
        ClientError::Refused(ErrorId::NOT_ALLOWED) if *action == BlacklistAction::List => {
            format!("{}: account {:?} is no operator", url.shown(), login.account)
        }
        ClientError::Refused(ErrorId::NOT_ALLOWED) => format!("{}: {MISTAKE}", url.shown()),
        ClientError::Refused(ErrorId::NOT_AVAILABLE) if *action != BlacklistAction::List => format!(
            "{}: the list is full of operators' entries, or the change holds but could not be saved yet",
            url.shown()
        ),
        error => failed(error),
    };
    match request(action) {
        None => print_entries(all(client).map_err(refused)?),
        Some(message) => print_total(ask_for(client, &message).map_err(refused)?.total),
    }
}

/// The login of an operator: as whom the arguments say, or the token if it is a JWT.
fn login_of(token: &str, login: &LoginAs) -> account::Login {
    // A role that no player should have: a login closes the connection that has it.
    let identity = Identity { account: ACCOUNT.to_owned(), role_id: u64::MAX, ..Identity::default() };
    let login = LoginAs { kind: Some(ClientKind::Operator), ..login.clone() };
    login_as(token, &login, Login { identity, ..Login::default() })
}

/// The request of an action; `None` to list.
fn request(action: &BlacklistAction) -> Option<monitor::Blacklist> {
    Some(match action.clone() {
        BlacklistAction::List => return None,
        BlacklistAction::Add { account, address, seconds } => {
            monitor::Blacklist { action: 1, account, address, seconds, ..monitor::Blacklist::default() }
        }
        BlacklistAction::Remove { account, address } => {
            monitor::Blacklist { action: 2, account, address, ..monitor::Blacklist::default() }
        }
        BlacklistAction::Clear => monitor::Blacklist { action: 3, ..monitor::Blacklist::default() },
    })
}

/// Asks, as slowly as the server wants (`max-packets-per-second`).
fn ask_for(
    client: &mut AnyClient,
    message: &monitor::Blacklist,
) -> Result<monitor::BlacklistPage, ClientError> {
    loop {
        match client.ask(monitor::BLACKLIST, message) {
            Err(ClientError::Refused(ErrorId::TOO_MANY_REQUESTS)) => std::thread::sleep(AGAIN),
            answer => return answer,
        }
    }
}

/// All entries of a server, page by page.
fn all(client: &mut AnyClient) -> Result<Vec<messages::Entry>, ClientError> {
    let mut entries = Vec::new();
    loop {
        let offset = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let message = monitor::Blacklist { offset, limit: PAGE, ..monitor::Blacklist::default() };
        let page = ask_for(client, &message)?;
        let is_last = page.entry.is_empty();
        entries.extend(page.entry);
        if is_last || entries.len() as u64 >= page.total {
            return Ok(entries);
        }
    }
}

/// An entry as a message.
pub(crate) fn message(subject: Subject, entry: Entry) -> messages::Entry {
    let (account, address) = match subject {
        Subject::Account(account) => (account.as_ref().to_owned(), String::new()),
        Subject::Network(network) => (String::new(), network.to_string()),
    };
    messages::Entry { account, address, until_ms: entry.until_ms }
}

/// Prints entries, a line for each. Names are escaped: clients choose them.
fn print_entries(entries: impl IntoIterator<Item = messages::Entry>) -> Result<(), String> {
    print_with(|out| {
        entries.into_iter().try_for_each(|messages::Entry { account, address, until_ms }| {
            let until = utc(until_ms);
            match address.as_str() {
                "" => writeln!(out, "account={account:?} until={until}"),
                address => writeln!(out, "address={} until={until}", address.escape_debug()),
            }
        })
    })
}

fn print_total(total: u64) -> Result<(), String> {
    print(&format!("entries={total}\n"))
}
