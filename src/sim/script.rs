//! Scripts for simulated clients: a game has its own, or uses the ones in [`stock`](super::stock).

use std::fmt;
use std::time::Duration;

use super::expected_replies::Expected;
use super::script_runner::ScriptRunner;

/// The actions of one client, step by step. It knows the replies to its requests, and declares them as it
/// sends.
pub trait Script {
    /// Does the next step, the first one right after the client has connected. Returns when the next one is
    /// due.
    fn act(&mut self, runner: &mut ScriptRunner) -> Next;

    /// A push has come: a packet that answers no request.
    ///
    /// # Errors
    /// A fault: the simulation fails.
    fn pushed(&mut self, runner: &mut ScriptRunner, cmd: u16, data: &[u8]) -> Result<(), String> {
        let _ = (runner, cmd, data);
        Ok(())
    }

    /// A reply has come, and is as expected. Called only if
    /// [`report_replies`](ScriptRunner::report_replies) has asked for it, for what only the script can judge.
    ///
    /// # Errors
    /// A fault: the simulation fails.
    fn replied(&mut self, runner: &mut ScriptRunner, reply: &Expected) -> Result<(), String> {
        let _ = (runner, reply);
        Ok(())
    }

    /// A message has come that is not a packet: text, or any message of a service without packets.
    ///
    /// # Errors
    /// A fault: the simulation fails. By default every message is wrong.
    fn messaged(&mut self, runner: &mut ScriptRunner, text: bool, payload: &[u8]) -> Result<(), String> {
        let _ = runner;
        Err(format!(
            "an unexpected {} message of {} bytes",
            if text { "text" } else { "binary" },
            payload.len()
        ))
    }
}

/// When a script acts next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// After this time.
    After(Duration),
    /// Once all is sent, the upgrade is answered, and all Pongs and replies that are expected have come.
    Answered,
    /// After this time, unless all other clients are done by then and the server drains.
    Stay(Duration),
    /// Never: only the end of the connection is left.
    Rest,
    /// On a new connection, this long after the present one has ended.
    Return(Duration),
}

/// How a connection can end, as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The upgrade was refused with this HTTP status.
    Refused(u16),
    /// A Close frame came, with this code if it had one.
    Closed(Option<u16>),
    /// The connection ended without a Close frame, and was not reset.
    Silent,
    /// The connection was reset.
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
