//! Where a connection is in its life. The transitions are in `lifecycle.rs`.

use super::closing::Closing;
use crate::cause::Cause;
use crate::frame::Decoder;
use crate::proxy::HeaderReader;
use crate::upgrade::{HeadScanner, Refusal};

/// Where a connection is in its life. Each variant holds the data of its state.
#[derive(Debug)]
pub(super) enum Phase {
    /// It reads the header in which a trusted proxy names the client.
    Proxied(Box<Proxied>),
    /// It reads the head of the upgrade request.
    Upgrading(Box<Upgrading>),
    /// It reads frames.
    Open(Open),
    /// All that the client will ever be sent is gathered or queued. Input is read and thrown away: unread
    /// bytes would turn the end into a reset, which overtakes the Close frame.
    Closing(Box<Closing>),
    /// Nothing is left to do; the socket can be closed.
    Closed(Cause),
}

// Most connections are idle: each has one of these.
const _: () = assert!(size_of::<Phase>() <= 24);

#[derive(Debug, Default)]
pub(super) struct Proxied {
    pub(super) reader: HeaderReader,
    /// As in [`Upgrading`].
    pub(super) refusal: Option<Refusal>,
}

#[derive(Debug, Default)]
pub(super) struct Upgrading {
    pub(super) scanner: HeadScanner,
    /// The part of the head that has arrived so far, also of a head that was refused.
    pub(super) head: Vec<u8>,
    /// The server is full: the refusal for the client, unless its request is a health check.
    pub(super) refusal: Option<Refusal>,
    /// The head is whole, and its headers named the client.
    pub(super) is_named: bool,
}

#[derive(Debug)]
pub(super) struct Open {
    pub(super) decoder: Decoder,
}

impl Phase {
    pub(super) fn proxied() -> Self {
        Phase::Proxied(Box::default())
    }

    pub(super) fn upgrading() -> Self {
        Phase::Upgrading(Box::default())
    }

    pub(super) fn open() -> Self {
        Phase::Open(Open { decoder: Decoder::new() })
    }
}
