//! What the clients of a simulation do: a game brings scripts of its own, or takes those of [`stock`](super::stock).

use std::fmt;
use std::time::Duration;

use super::player::Player;

/// What one client does, step by step. It knows itself what it is to be sent, and says so as it sends.
pub trait Script {
    /// Does the next step, at first right after the client has connected. What it returns says when the next one is due.
    fn act(&mut self, player: &mut Player) -> Next;

    /// A packet has come that nobody asked for.
    ///
    /// # Errors
    /// What is wrong with it: the simulation fails.
    fn pushed(&mut self, player: &mut Player, cmd: u16, data: &[u8]) -> Result<(), String> {
        let _ = (player, cmd, data);
        Ok(())
    }

    /// A message has come that is no packet: from a service without packets, or text.
    ///
    /// # Errors
    /// What is wrong with it: the simulation fails. By default any message is.
    fn messaged(&mut self, player: &mut Player, text: bool, payload: &[u8]) -> Result<(), String> {
        let _ = player;
        Err(format!(
            "{} bytes of {} that nobody asked for",
            payload.len(),
            if text { "text" } else { "a message" }
        ))
    }
}

/// When a script goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After so much time.
    After(Duration),
    /// Once all that the client has sent is out, the upgrade is answered, and all Pongs and replies that are expected have
    /// come.
    Answered,
    /// After so much time, unless all other clients have come to their end by then, and the server drains.
    Stay(Duration),
    /// Not at all: what is left is the end of the connection.
    Rest,
    /// On a new connection, so long after this one has ended.
    Return(Duration),
}

/// How a connection can end, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The upgrade was answered with this status, and then the connection ended.
    Refused(u16),
    /// A Close frame came, with this code; none if it had none.
    Closed(Option<u16>),
    /// It ended without a word, but orderly.
    Silent,
    /// It was reset.
    Reset,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Refused(status) => write!(f, "refused with {status}"),
            End::Closed(Some(4011..=4999)) => {
                f.write_str("closed with a code of the application's or the client's")
            }
            End::Closed(Some(code)) => write!(f, "closed with {code}"),
            End::Closed(None) => f.write_str("closed"),
            End::Silent => f.write_str("ended"),
            End::Reset => f.write_str("reset"),
        }
    }
}
