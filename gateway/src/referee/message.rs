//! The messages between referee and driver, each a JSON object in a text message.

use serde::{Deserialize, Serialize};

/// What the driver shall do.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Command {
    /// Make a client, and connect it.
    Connect(Settings),
    /// Call a command. The outcome is `reply`, `refused`, `timeout` or `ended`.
    Call { id: u32, cmd: u16, data: String, timeout_ms: u32, offline: Offline },
    /// Call a command that replies any number of times, until `stop`.
    Stream { id: u32, cmd: u16, data: String, timeout_ms: u32 },
    /// Take no more replies of a stream.
    Stop { id: u32 },
    /// Send a packet that is not answered.
    Post { cmd: u16, data: String },
    /// The page is visible again, or the machine online.
    Wake,
    /// Close the connection with 1000.
    Close,
    /// Throw the client away, and answer `done`.
    End,
}

/// What becomes of a call while there is no connection.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Offline {
    Wait,
    Reject,
}

/// The settings of a client; times in milliseconds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings {
    pub(super) url: String,
    /// The first wait before a connection is tried again is random, up to this.
    pub(super) first_ms: u32,
    /// The longest such wait.
    pub(super) max_ms: u32,
    /// After so much silence the connection counts as dead; 0: never.
    pub(super) idle_ms: u32,
    pub(super) connect_timeout_ms: u32,
    /// How often to send command 1044; 0: never.
    pub(super) heartbeat_ms: u32,
    /// The Flags count on from this one.
    pub(super) last_flag: u32,
    /// The request that logs each new connection in.
    pub(super) login: Option<Login>,
}

/// The request of a login.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Login {
    pub(super) cmd: u16,
    pub(super) data: String,
}

/// What has happened to the client.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Event {
    /// The first message: the client's name, and the cases to skip.
    Hello {
        name: String,
        #[serde(default)]
        skip: Vec<String>,
    },
    /// The client is connected, and logged in if it has a login.
    Open,
    /// A reply to a call or a stream.
    Reply { id: u32, data: String },
    /// An ErrorID in place of a reply.
    Refused { id: u32, error: u16 },
    /// No reply in time.
    Timeout { id: u32 },
    /// The connection ended before the reply, or the call could not leave.
    Ended { id: u32, code: u16, reason: String, advice: String, may_have_run: bool },
    /// A push.
    Push { cmd: u16, data: String },
    /// The client will not connect again by itself.
    Closed,
    /// The answer to `end`.
    Done,
}

/// The longest text of an event in a verdict, in characters.
const SHOWN_CHARS: usize = 200;

impl Event {
    /// The event as verdicts show it.
    pub(super) fn brief(&self) -> String {
        brief(&format!("{self:?}"))
    }
}

/// The beginning of a text, in which nothing controls a terminal.
pub(super) fn brief(text: &str) -> String {
    let shown = text.chars().take(SHOWN_CHARS);
    let is_plain = |char: char| !char.is_control();
    shown
        .map(|char| if is_plain(char) { char.to_string() } else { char.escape_debug().to_string() })
        .collect()
}

/// Bytes in hex, as messages have them.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string never fails.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
