//! Checks a request head for a health check, and for headers that name the client.

use std::net::SocketAddr;

use super::settings::{Draining, Settings};
use crate::forwarded;
use crate::record::Peer;
use crate::recording::ReplaySource;
use crate::upgrade::{self, Refusal};

/// Checks a request head.
#[derive(Debug, Default)]
pub(super) enum HeadChecks {
    /// By the settings and the head itself.
    #[default]
    Live,
    /// By a recording, which has the results: it does not hold these headers.
    Recorded(ReplaySource),
}

impl HeadChecks {
    /// Whether the head is a health check, and then whether that fails.
    pub(super) fn health(
        &self,
        head: &[u8],
        draining: Draining,
        settings: &Settings,
    ) -> Result<Option<bool>, Refusal> {
        match self {
            HeadChecks::Live => {
                let Some(path) = &settings.health_path else { return Ok(None) };
                let asks = upgrade::asks_for_health(head, path)?;
                Ok(asks.then_some(draining != Draining::No))
            }
            HeadChecks::Recorded(source) => Ok(source.health()),
        }
    }

    /// The client that the headers name, or the reason for refusing them. None if they are not read, since
    /// `peer` is not trusted.
    pub(super) fn forwarded(
        &self,
        head: &[u8],
        peer: Peer,
        settings: &Settings,
    ) -> Option<Result<Option<Peer>, Refusal>> {
        match self {
            HeadChecks::Live => settings.trusts_headers_of(peer).then(|| {
                upgrade::with_headers(head, |headers| {
                    Ok(forwarded::client(headers.iter(), peer, &settings.forwarders)?)
                })
            }),
            HeadChecks::Recorded(source) => source.forwarded().map(|(client, refused)| match refused {
                Some(reason) => Err(reason.refusal().unwrap_or(Refusal::Unavailable)),
                None => Ok(client.as_deref().map(peer_of)),
            }),
        }
    }
}

/// The peer with that name.
fn peer_of(name: &str) -> Peer {
    name.parse::<SocketAddr>().map_or(Peer::Local, Peer::from)
}
