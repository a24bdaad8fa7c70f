//! Messages: the kinds that there are, each written to a payload and read from it.

use bytes::Bytes;
use prost::Message as _;

use super::bodies::{
    Answer, Blacklist, BlacklistDigest, BlacklistRequest, End, GoodBye, Heartbeat, Login, MAX_PART_BYTES,
    NameAnswer, NameQuery, Publish, Publishes, Push, Request, RoleDigest, RoleList, RoleListRequest,
};
use super::check::Check as _;
use super::error::WireError;
use super::header::Header;

/// The version of the format that this node writes.
pub const VERSION: u8 = 1;
/// The oldest version that it reads: the one before its own, where there is one.
pub const OLDEST: u8 = if VERSION > 1 { VERSION - 1 } else { VERSION };
/// The most bytes of a payload.
pub const MAX_PAYLOAD_BYTES: usize = 64 << 20;
/// The most bytes of a body that is no long push: a part, and the fields around it.
const MAX_SHORT_BYTES: usize = MAX_PART_BYTES + 1024;

macro_rules! kinds {
    ($($number:literal $name:ident $label:literal $limit:expr;)*) => {
        /// What a message is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "each is the kind of the body with its name")]
        pub enum Kind { $($name = $number,)* }

        /// All kinds, in the order of their numbers.
        pub const KINDS: [Kind; [$($number),*].len()] = [$(Kind::$name),*];

        /// A message between nodes.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each is the body with its name")]
        pub enum Message { $($name($name),)* }

        impl Kind {
            /// Its name, for metrics.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Kind::$name => $label,)* }
            }

            /// The kind with a number.
            #[must_use]
            pub fn of(number: u8) -> Option<Self> {
                match number { $($number => Some(Kind::$name),)* _ => None }
            }

            /// The most bytes of its body.
            fn max_bytes(self) -> usize {
                match self { $(Kind::$name => $limit,)* }
            }
        }

        impl Message {
            /// What it is.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Message::$name(_) => Kind::$name,)* }
            }

            fn encoded_len(&self) -> usize {
                match self { $(Message::$name(body) => body.encoded_len(),)* }
            }

            fn encode(&self, out: &mut Vec<u8>) {
                match self { $(Message::$name(body) => body.encode_raw(out),)* }
            }

            fn decode(kind: Kind, header: &Header, bytes: Bytes) -> Result<Self, WireError> {
                match kind {
                    $(Kind::$name => {
                        let body = $name::decode(bytes).map_err(|_| WireError::Body)?;
                        body.check(header)?;
                        Ok(Message::$name(body))
                    })*
                }
            }
        }

        $(impl From<$name> for Message {
            fn from(body: $name) -> Self {
                Message::$name(body)
            }
        })*
    };
}

kinds! {
    1 Heartbeat "heartbeat" MAX_SHORT_BYTES;
    2 GoodBye "good_bye" MAX_SHORT_BYTES;
    3 NameQuery "name_query" MAX_SHORT_BYTES;
    4 NameAnswer "name_answer" MAX_SHORT_BYTES;
    5 Login "login" MAX_SHORT_BYTES;
    6 End "end" MAX_SHORT_BYTES;
    7 RoleDigest "role_digest" MAX_SHORT_BYTES;
    8 RoleListRequest "role_list_request" MAX_SHORT_BYTES;
    9 RoleList "role_list" MAX_SHORT_BYTES;
    10 Push "push" MAX_PAYLOAD_BYTES;
    11 Publish "publish" MAX_PAYLOAD_BYTES;
    12 Blacklist "blacklist" MAX_SHORT_BYTES;
    13 BlacklistDigest "blacklist_digest" MAX_SHORT_BYTES;
    14 BlacklistRequest "blacklist_request" MAX_SHORT_BYTES;
    15 Request "request" MAX_SHORT_BYTES;
    16 Answer "answer" MAX_SHORT_BYTES;
    17 Publishes "publishes" MAX_SHORT_BYTES;
}

impl Kind {
    /// Whether messages of the kind carry game traffic, which has a channel of its own.
    #[must_use]
    pub fn is_traffic(self) -> bool {
        matches!(self, Kind::Push | Kind::Publish | Kind::Publishes)
    }
}

/// Writes a message. The header's version and kind are set.
#[must_use]
pub fn write(clock: u64, sender: &super::Sender, message: &Message) -> Bytes {
    let header = Header { version: VERSION, kind: message.kind() as u8, clock, sender: sender.clone() };
    let mut out = Vec::with_capacity(header.len() + message.encoded_len());
    header.write(&mut out);
    message.encode(&mut out);
    out.into()
}

/// Reads the message of a payload, whose header was read already.
///
/// # Errors
/// [`WireError`]. A heartbeat is read whatever its version is.
pub fn read(header: &Header, payload: &Bytes) -> Result<Message, WireError> {
    let is_known = (OLDEST..=VERSION).contains(&header.version);
    if !is_known && header.kind != Kind::Heartbeat as u8 {
        return Err(WireError::Version(header.version));
    }
    let kind = Kind::of(header.kind).ok_or(WireError::Kind(header.kind))?;
    let len = payload.len().checked_sub(header.len()).ok_or(WireError::Short)?;
    if len > kind.max_bytes() {
        return Err(WireError::Long);
    }
    Message::decode(kind, header, payload.slice(header.len()..))
}
