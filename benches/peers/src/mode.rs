//! What lies between messages and TCP, and what a server does with messages.

/// How a server runs, and how clients talk to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// It sends each message back.
    Plain,
    /// The same over TLS.
    Tls,
    /// The same with permessage-deflate, each message by itself.
    Shared,
    /// The same with permessage-deflate, and windows for each connection.
    Dedicated,
    /// It sends some messages to all clients, and the others back.
    Push,
}

impl Mode {
    /// What stands for `{mode}` in a command.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Plain => "plain",
            Mode::Tls => "tls",
            Mode::Shared => "shared",
            Mode::Dedicated => "dedicated",
            Mode::Push => "push",
        }
    }

    /// The extensions that a client offers.
    pub fn extensions(self) -> &'static str {
        match self {
            Mode::Plain | Mode::Tls | Mode::Push => "",
            Mode::Shared => {
                "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
                 client_no_context_takeover\r\n"
            }
            Mode::Dedicated => "Sec-WebSocket-Extensions: permessage-deflate\r\n",
        }
    }

    pub fn compresses(self) -> bool {
        matches!(self, Mode::Shared | Mode::Dedicated)
    }
}
