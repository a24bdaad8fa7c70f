//! The events that a poll reports.

use mio::Token;

/// An event for one token. Events may be spurious.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) token: Token,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The peer will send no more, though some of its bytes may still be unread.
    pub(crate) read_closed: bool,
    pub(crate) error: bool,
    /// The peer has sent urgent data, before which a read ends. Known on Linux only.
    pub(crate) priority: bool,
}

impl Event {
    /// Whether it tells more than that the socket can be read or written.
    #[inline(always)]
    pub(crate) fn is_unusual(self) -> bool {
        self.read_closed | self.error | self.priority
    }
}

impl From<&mio::event::Event> for Event {
    #[inline]
    fn from(event: &mio::event::Event) -> Self {
        Event {
            token: event.token(),
            readable: event.is_readable(),
            writable: event.is_writable(),
            read_closed: event.is_read_closed(),
            error: event.is_error(),
            priority: event.is_priority(),
        }
    }
}
