//! What a node wants done after an input: messages, subscriptions, and calls of the game.

use bytes::Bytes;

use crate::blacklist::BlacklistRecord;
use crate::holder::Holder;
use crate::requests::{Finished, What};
use crate::stamp::Stamp;
use crate::wire::{Message, Sender, Subject};

/// A message and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sending {
    pub(crate) subject: Subject,
    pub(crate) message: Message,
}

/// A request and the nodes that it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asking {
    pub(crate) subjects: Vec<Subject>,
    pub(crate) message: Message,
}

/// A subscription that begins or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subscription {
    Begin(Subject),
    End(Subject),
}

/// Something that the game must do.
pub(crate) enum Call {
    CloseReplaced { role_id: u64, holder: Holder },
    Push { role_id: u64, holder: Holder, cmd: u16, data: Bytes },
    BlacklistCleared(Stamp),
    BlacklistChanged(Vec<BlacklistRecord>),
    Request { from: Sender, id: u64, what: What, body: Bytes },
    Finished(Finished),
    NameConflict,
}

/// Everything that an input has led to, in order.
#[derive(Default)]
pub(crate) struct Outputs {
    pub(crate) sendings: Vec<Sending>,
    pub(crate) asking: Option<Asking>,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) calls: Vec<Call>,
}

impl Outputs {
    pub(crate) fn send(&mut self, subject: Subject, message: impl Into<Message>) {
        self.sendings.push(Sending { subject, message: message.into() });
    }
}
