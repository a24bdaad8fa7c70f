//! `sysconn accounts`: lists, shows and removes the accounts of a store that no server uses.

use std::io::{self, Write as _};

use log::LevelFilter;

use crate::options::{Accounts, AccountsAction, LogFormat, of_option};
use crate::output::{print, print_with};
use crate::run::start_log;
use crate::signals;
use crate::store::accounts::{self, AccountKey};
use crate::store::{Fault, Store, Transaction};

/// Does what the arguments ask for. False if no account has the role.
///
/// # Errors
/// One line that says why the store cannot be used, such as that a server uses it, or why nothing can be
/// printed.
pub(crate) fn accounts(task: &Accounts) -> Result<bool, String> {
    signals::unblock()?;
    // The store's thread has the reason if it fails.
    start_log(LevelFilter::Error, LogFormat::Text);
    let store = Store::open_existing(&task.data).map_err(of_option("data"))?;
    let action = task.action;
    let found = store.call(move |transaction| act(action, transaction));
    store.close();
    found.map_err(|error| error.to_string()).flatten()
}

/// The inner error is that of printing, which is not the store's.
fn act(action: AccountsAction, transaction: &mut Transaction<'_>) -> Result<Result<bool, String>, Fault> {
    let wanted = match action {
        AccountsAction::List => return Ok(list(transaction)?.map(|()| true)),
        AccountsAction::Show(role_id) | AccountsAction::Remove(role_id) => role_id,
    };
    let mut found = None;
    accounts::visit(transaction, |key, role_id| {
        if role_id == wanted {
            found = Some(key);
        }
        found.is_none()
    })?;
    let Some(key) = found else {
        // Standard error may have no reader.
        let _ = writeln!(io::stderr(), "sysconn: no account has the role {wanted}");
        return Ok(Ok(false));
    };
    if matches!(action, AccountsAction::Remove(_)) {
        accounts::remove(transaction, &key)?;
    }
    Ok(print(&format!("{}\n", line(&key, wanted))).map(|()| true))
}

fn list(transaction: &Transaction<'_>) -> Result<Result<(), String>, Fault> {
    let mut visited = Ok(());
    let printed = print_with(|out| {
        let mut written = Ok(());
        visited = accounts::visit(transaction, |key, role_id| {
            written = writeln!(out, "{}", line(&key, role_id));
            written.is_ok()
        });
        written
    });
    visited.map(|()| printed)
}

/// An account with the fields that the log's lines have. Both names are escaped: a client may choose the
/// platform.
fn line(key: &AccountKey, role_id: u64) -> String {
    let AccountKey { platform, account, zone_id } = key;
    format!("role_id={role_id} account={account:?} platform={platform:?} zone_id={zone_id}")
}
