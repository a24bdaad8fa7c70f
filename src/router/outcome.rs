//! What a handler says when it returns.

use crate::frame::CloseCode;
use crate::packet::ErrorId;

/// A handler's result. Replies are made through the context while the handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// All is done: replies, if there are any, have been made, or a ticket was taken for a later one.
    Done,
    /// The request is refused: a packet with this ErrorID and no Data. [`ErrorId::NONE`] would read as
    /// an empty reply.
    Refuse(ErrorId),
    /// Data is not what the route takes: the client is closed with 4001.
    Undecodable,
    /// The connection closes with this code, after what was sent before.
    Close(CloseCode),
}
