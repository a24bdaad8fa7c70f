//! `sysconn token`: makes a token for a login, for development.

use std::time::Duration;

use sysconn::token::Keys;

use crate::auth::check_login;
use crate::clock::unix_ms;
use crate::options::{Mint, read, shown};
use crate::output::print;
use crate::signals;

/// Prints the token on standard output.
///
/// # Errors
/// One line that says why the file cannot be used, why nobody could log in with the token, or why
/// it cannot be printed.
pub(crate) fn mint(task: &Mint) -> Result<(), String> {
    signals::unblock()?;
    check_login(&task.login).map_err(|reason| format!("token: {reason}"))?;
    let name = format!("--token-keys: {}", shown(&task.keys));
    let text = read(&task.keys).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    let keys = Keys::from_text(&text).map_err(|error| format!("{name}: {error}"))?;
    let expires = Duration::from_millis(unix_ms()).saturating_add(task.lifetime);
    let token = keys.sign(&task.login, expires.as_secs());
    print(&format!("{token}\n"))
}
