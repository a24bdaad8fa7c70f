//! What the embedder brings: its state with a few hooks, and what its clients may send.

use super::{Context, Effects, Outcome, Route, Router};
use crate::cause::Cause;
use crate::packet::Undecodable;
use crate::record::{Peer, Record};
use crate::upgrade::{self, Refusal};

pub use crate::frame::MessageKind;

/// The application's state. Handlers get it mutably, one at a time, on the reactor's thread.
///
/// Every hook has a default that does nothing. A panic in one is caught and logged, and the state is
/// as the panic left it: in [`upgrade`](Self::upgrade) the client gets a 500, in
/// [`opened`](Self::opened) the connection closes with 1011, as when a handler panics. The others
/// are called when the end is decided already, and change nothing about it.
pub trait Application: 'static {
    /// Looks at an upgrade request that is otherwise acceptable.
    ///
    /// # Errors
    /// The refusal that the client gets instead of the upgrade.
    fn upgrade(&mut self, request: &upgrade::Request<'_>, peer: Peer) -> Result<(), Refusal> {
        let _ = (request, peer);
        Ok(())
    }

    /// A connection is open; the 101 is on its way, and what is sent here follows it.
    fn opened(&mut self, context: &mut Context<'_>) {
        let _ = context;
    }

    /// A connection has ended, for whatever cause. Called exactly once for each that was
    /// [`opened`](Self::opened).
    fn closed(&mut self, record: &Record, cause: Cause, effects: &mut Effects) {
        let _ = (record, cause, effects);
    }

    /// A newer login has taken over the role of this connection, which closes with 4007 now, if it is not
    /// closing already; [`closed`](Self::closed) follows once it has ended. The newer one may be on another
    /// worker, may have logged out again, or have ended; this one may have logged out since, or play another
    /// role. Called once at most for each connection.
    fn replaced(&mut self, record: &Record, effects: &mut Effects) {
        let _ = (record, effects);
    }

    /// A client sent Data that does not decode, which no honest client does. It is closed with
    /// 4001 after this. A game may put the account or the address on a blacklist here.
    fn offence(&mut self, record: &Record, offence: Undecodable) {
        let _ = (record, offence);
    }
}

/// A message as it came, for services without packets.
#[derive(Debug)]
pub struct Message<'a> {
    /// Text or binary.
    pub kind: MessageKind,
    /// The payload; valid UTF-8 where it is text.
    pub payload: &'a [u8],
}

/// A function that handles every message of a service without packets.
pub type MessageHandler<S> = fn(&mut S, Message<'_>, &mut Context<'_>) -> Outcome;

/// What clients may send, and who handles it.
pub enum Service<S: 'static> {
    /// Packets in binary messages, to the routes of a table. Text closes with 1003.
    Packets(&'static Router<S>),
    /// Messages of both kinds, to one function: plain RFC 6455.
    Messages(MessageHandler<S>),
}

impl<S> Service<S> {
    /// Whether the command's Data is secret.
    pub(crate) fn is_secret(&self, cmd: u16) -> bool {
        match self {
            Service::Packets(router) => router.find(cmd).is_some_and(Route::is_secret),
            Service::Messages(_) => false,
        }
    }

    /// Whether Data that a client sends under this command is not to be recorded: it is secret, or meant for
    /// some other command.
    pub(crate) fn hides(&self, cmd: u16) -> bool {
        match self {
            Service::Packets(router) => router.find(cmd).is_none_or(Route::is_secret),
            Service::Messages(_) => false,
        }
    }
}

impl<S> Clone for Service<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Service<S> {}

impl<S> From<&'static Router<S>> for Service<S> {
    fn from(router: &'static Router<S>) -> Self {
        Service::Packets(router)
    }
}
