//! How many bytes the simulated system keeps for a connection.

/// The capacity of the four buffers of a connection, in bytes, each at least 1. Default: 64 KiB each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffers {
    /// Sent by the client and on their way. A client cannot send more.
    pub client_send: usize,
    /// Arrived, and not read by the server.
    pub server_receive: usize,
    /// Written by the server and on their way. A longer write is cut short.
    pub server_send: usize,
    /// Arrived at the client, and not received.
    pub client_receive: usize,
}

impl Default for Buffers {
    fn default() -> Self {
        let bytes = 64 * 1024;
        Buffers { client_send: bytes, server_receive: bytes, server_send: bytes, client_receive: bytes }
    }
}
