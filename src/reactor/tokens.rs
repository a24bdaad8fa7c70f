//! The poll's tokens: for connections, listeners, the waker and the alarm.

use mio::Token;

use crate::config::MAX_WORKERS;
use crate::id::ConnectionId;

/// The waker's token.
pub(super) const WAKER: Token = Token(usize::MAX);
/// The token of the poll's own timer.
pub(super) const ALARM: Token = Token(usize::MAX - 1);
/// Tokens of listeners count down from here: below the others, and above every connection's.
const FIRST_LISTENER: usize = usize::MAX - 2;

// An id has 64 bits, and is the token of its connection. No worker has the number 255, so the highest numbers
// are free for the other tokens.
const _: () = assert!(usize::BITS >= u64::BITS && MAX_WORKERS <= u8::MAX as usize);

/// The lowest number of a token that is no connection's.
const FIRST_OTHER: u64 = ConnectionId::new(u8::MAX, 0, u32::MAX).to_u64();

/// Whether a token is that of a connection, which may be gone.
#[inline(always)]
pub(super) fn is_connection(token: Token) -> bool {
    (token.0 as u64) < FIRST_OTHER
}

/// The token of a connection: its id.
pub(super) fn of_connection(id: ConnectionId) -> Token {
    Token(id.to_u64() as usize)
}

/// The connection that a token names.
pub(super) fn id_of(token: Token) -> ConnectionId {
    ConnectionId::from_u64(token.0 as u64)
}

/// The token of the listener with that index.
pub(super) fn of_listener(index: usize) -> Token {
    Token(FIRST_LISTENER - index)
}

/// The index of the listener that a token would name; for a connection's token it is larger than any.
pub(super) fn listener_index(token: Token) -> Option<usize> {
    FIRST_LISTENER.checked_sub(token.0)
}
