//! The request that a handler gets.

/// A request for a handler.
///
/// Answer it through the [`Context`](crate::Context), or exchange it for a [`Ticket`](crate::Ticket) with
/// [`Context::defer`](crate::Context::defer) to answer it later; for that reason it cannot be copied.
#[derive(Debug)]
pub struct Request<'a> {
    pub(crate) cmd: u16,
    pub(crate) flag: u32,
    pub(crate) data_status: u8,
    pub(crate) seq: u64,
    pub(crate) data: &'a [u8],
}

impl<'a> Request<'a> {
    /// The Cmd of the packet: its command.
    #[must_use]
    pub fn cmd(&self) -> u16 {
        self.cmd
    }

    /// The Flag of the packet: a number that the client chose and that each reply carries.
    #[must_use]
    pub fn flag(&self) -> u32 {
        self.flag
    }

    /// The DataStatus of the packet: 0 raw, 1 compressed, 2 encrypted. [`data`](Self::data) is already
    /// decoded.
    #[must_use]
    pub fn data_status(&self) -> u8 {
        self.data_status
    }

    /// The number of the packet on its connection, starting at 1.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The Data of the packet, decoded. It is valid until the handler returns.
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }
}
