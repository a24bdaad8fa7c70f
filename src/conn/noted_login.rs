//! Logins in the form of recordings.

use crate::record::{ClientKind, Identity, Login};
use crate::recording::note;

/// A login, as recordings have it.
pub(super) fn noted_login(login: &Login) -> note::Login {
    note::Login { role_id: login.identity.role_id, kind: number_of_client_kind(login.kind) }
}

/// The login that a recording has.
pub(crate) fn login_of(noted: &note::Login) -> Login {
    let identity = Identity { role_id: noted.role_id, ..Identity::default() };
    Login { identity, kind: client_kind_of(noted.kind).unwrap_or_default(), ..Login::default() }
}

/// The number of a kind of client in recordings.
pub(super) fn number_of_client_kind(kind: ClientKind) -> u8 {
    match kind {
        ClientKind::Guest => 0,
        ClientKind::Player => 1,
        ClientKind::Operator => 2,
    }
}

/// The kind of client with that number.
pub(crate) fn client_kind_of(number: u8) -> Option<ClientKind> {
    [ClientKind::Guest, ClientKind::Player, ClientKind::Operator]
        .into_iter()
        .find(|kind| number_of_client_kind(*kind) == number)
}
