//! The phases of a connection's life. The transitions are in `lifecycle.rs`.

use super::closing::Closing;
use super::deadlines::Deadlines;
use crate::cause::Cause;
use crate::frame::Decoder;
use crate::proxy::HeaderReader;
use crate::upgrade::{HeadScanner, Refusal};

/// The phase of a connection's life. The data of a phase is in its variant.
#[derive(Debug)]
pub(super) enum Phase {
    /// It reads the header in which a trusted proxy names the client.
    Proxied(Box<Proxied>),
    /// It reads the head of the upgrade request.
    Upgrading(Box<Upgrading>),
    /// It reads frames.
    Open(Open),
    /// All output for the client is gathered or queued. Input is read and discarded: unread bytes would turn
    /// the end into a reset, which overtakes the Close frame.
    Closing(Box<Closing>),
    /// Nothing is left to do; the socket can be closed.
    Closed(Cause),
}

// Most connections are idle, and each has one of these.
const _: () = assert!(size_of::<Phase>() <= 40);

#[derive(Debug, Default)]
pub(super) struct Proxied {
    pub(super) reader: HeaderReader,
    /// As in [`Upgrading`].
    pub(super) refusal: Option<Refusal>,
}

#[derive(Debug, Default)]
pub(super) struct Upgrading {
    pub(super) scanner: HeadScanner,
    /// The first part of an incomplete head, or the received part of a refused one.
    pub(super) head: Vec<u8>,
    /// The server is full: the refusal for the client, unless its request is a health check.
    pub(super) refusal: Option<Refusal>,
    /// The head is complete, and its headers named the client.
    pub(super) is_named: bool,
    /// The name of the server that the client asked for in its TLS handshake.
    pub(super) server_name: Option<Box<str>>,
}

#[derive(Debug)]
pub(super) struct Open {
    pub(super) decoder: Decoder,
    pub(super) deadlines: Deadlines,
    pub(super) bulk: Bulk,
}

/// How much a client has sent recently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bulk {
    Little,
    /// The last read brought much.
    Much,
    /// The last message was large, and the system had all of it at once.
    Large,
    /// The last message was large, and came in pieces.
    Pieces,
}

impl Bulk {
    /// Whether the last message was large.
    pub(super) fn is_large(self) -> bool {
        matches!(self, Bulk::Large | Bulk::Pieces)
    }
}

impl Phase {
    pub(super) fn proxied() -> Self {
        Phase::Proxied(Box::default())
    }

    pub(super) fn upgrading() -> Self {
        Phase::Upgrading(Box::default())
    }

    pub(super) fn open(deadlines: Deadlines) -> Self {
        Phase::Open(Open { decoder: Decoder::new(), deadlines, bulk: Bulk::Little })
    }
}
