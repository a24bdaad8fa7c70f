//! The login of the program's own clients: as whom the options or the token say.

use std::path::Path;

use sysconn::{ClientKind, Login};

use crate::jwt;
use crate::messages::{Kind, account};
use crate::options::{LoginAs, read, shown};

/// The message of command 1002. What the options do not say comes from the token if it is a JWT, or else from
/// `otherwise`.
pub(crate) fn login_as(token: &str, options: &LoginAs, otherwise: Login) -> account::Login {
    let Login { identity, kind, custodian, .. } = jwt::unverified(token).unwrap_or(otherwise);
    let custodian = custodian.unwrap_or_default();
    let kind = kind_in_message(options.kind.unwrap_or(kind));
    account::Login {
        account: options.account.clone().unwrap_or(identity.account),
        platform: options.platform.clone().unwrap_or(identity.platform),
        zone_id: options.zone_id.unwrap_or(identity.zone_id),
        role_id: options.role_id.unwrap_or(identity.role_id),
        kind: kind.into(),
        custodian: custodian.account,
        custodian_role_id: custodian.role_id,
        token: token.to_owned(),
    }
}

/// A kind of client as the message has it.
pub(crate) fn kind_in_message(kind: ClientKind) -> Kind {
    match kind {
        ClientKind::Guest => Kind::Tester,
        ClientKind::Player => Kind::GameServer,
        ClientKind::Operator => Kind::Monitor,
    }
}

/// The token in a file, which keeps it from the list of processes.
///
/// # Errors
/// One line that says why the file cannot be used.
pub(crate) fn read_token(path: &Path) -> Result<String, String> {
    let text = read(path).map_err(|error| format!("{}: cannot be read: {error}", shown(path)))?;
    let text = String::from_utf8(text).map_err(|_| format!("{}: expected a token", shown(path)))?;
    Ok(text.trim().to_owned())
}
