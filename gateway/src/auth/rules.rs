//! What holds for every login, whether a message or a token says it.

use sysconn::{ClientKind, Login};

/// Bytes of the name of an account, a platform or a custodian.
pub(crate) const MAX_NAME_BYTES: usize = 255;
/// Why a login without a role is refused.
pub(crate) const NO_ROLE: &str = "role_id is 0";

/// Checks a login.
///
/// # Errors
/// The reason why it is refused.
pub(crate) fn check_login(login: &Login) -> Result<(), &'static str> {
    let Login { identity, kind, custodian, take_topics: _ } = login;
    let custodian_account = custodian.as_ref().map_or("", |custodian| &custodian.account);
    let is_long = |name: &str| name.len() > MAX_NAME_BYTES;
    if identity.role_id == 0 {
        return Err(NO_ROLE);
    }
    if identity.account.is_empty() {
        return Err("the account is empty");
    }
    if is_long(&identity.account) || is_long(&identity.platform) || is_long(custodian_account) {
        return Err("a name is too long");
    }
    if custodian.is_some() && custodian_account.is_empty() {
        return Err("the custodian has no account");
    }
    if custodian.is_some() && *kind == ClientKind::Operator {
        return Err("a custodian cannot be a monitor");
    }
    Ok(())
}
