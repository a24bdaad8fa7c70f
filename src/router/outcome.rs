//! The result of a handler.

use crate::frame::CloseCode;
use crate::packet::ErrorId;

/// The result of a handler. Replies are sent through the [`Context`](crate::Context), before it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Outcome {
    /// The request was handled: replied to, deferred, or in need of no reply. A route that
    /// [owes a reply](crate::Route::replies) has to have made it.
    Done,
    /// The request is refused: the client gets a packet with this ErrorID and no Data, or with the Data of
    /// [`Context::refuse_with`](crate::Context::refuse_with). With [`ErrorId::NONE`] the client would take it
    /// for a reply.
    Refuse(ErrorId),
    /// The Data cannot be decoded: the connection closes with 4001.
    Undecodable,
    /// The connection closes with this code, after everything sent before.
    Close(CloseCode),
}
