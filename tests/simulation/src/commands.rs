//! The commands of the simulated game, and the meaning of their Data.

/// Data → the same.
pub(crate) const ECHO: u16 = 1301;
/// Any bytes → nothing.
pub(crate) const SINK: u16 = 1302;
/// An ErrorID of 16 bits → a refusal with it.
pub(crate) const REFUSE: u16 = 1303;
/// A count of 16 bits, then any bytes → that many replies, each with its index of 16 bits and those bytes.
pub(crate) const BURST: u16 = 1304;
/// A role of 64 bits → empty.
pub(crate) const LOGIN: u16 = 1305;
/// Empty → empty. Only for clients with a role.
pub(crate) const LOGOUT: u16 = 1306;
/// A way of [`late`] and milliseconds of 16 bits, then any bytes → those bytes, or a refusal, later.
pub(crate) const DEFER: u16 = 1307;
/// A count and a size of 16 bits each → no reply, but that many pushes with filler of that size.
pub(crate) const PUSH: u16 = 1308;
/// The same as [`PUSH`], later and through a handle.
pub(crate) const PUSH_LATER: u16 = 1309;
/// A room of 16 bits → how many messages were said in it so far, in 32 bits.
pub(crate) const JOIN: u16 = 1310;
/// A room of 16 bits → empty.
pub(crate) const LEAVE: u16 = 1311;
/// A room of 16 bits, then any bytes → no reply, but a push to each member.
pub(crate) const SAY: u16 = 1312;
/// A way of [`fate`] and milliseconds of 16 bits → empty. An object is linked.
pub(crate) const LINK: u16 = 1313;
/// The handler panics.
pub(crate) const PANIC: u16 = 1314;
/// Closes with a code of 16 bits.
pub(crate) const CLOSE: u16 = 1315;
/// Any Data is undecodable.
pub(crate) const PICKY: u16 = 1316;
/// Closes with 4010, later and through a handle.
pub(crate) const KICK: u16 = 1317;
/// The command of pushes to one client: the stream, the client's tag, the number in the stream, and filler.
pub(crate) const PUSHED: u16 = 1398;
/// The command of messages in a room: the room, how many messages came before, and the text.
pub(crate) const SAID: u16 = 1399;

/// The ways in which a deferred request is answered: the first byte of its Data.
pub(crate) mod late {
    pub(crate) const REPLIED: u8 = 0;
    pub(crate) const REFUSED: u8 = 1;
    pub(crate) const DROPPED: u8 = 2;
    /// Within the handler.
    pub(crate) const AT_ONCE: u8 = 3;
    /// Only after the connection has ended.
    pub(crate) const NEVER: u8 = 4;
}

/// How a linked object ends: the first byte of the request's Data.
pub(crate) mod fate {
    pub(crate) const ENDS: u8 = 0;
    pub(crate) const CRASHES: u8 = 1;
    /// It lives as long as its connection.
    pub(crate) const STAYS: u8 = 2;
}
