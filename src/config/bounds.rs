//! Fixed limits, the defaults of configurable ones, and the relations that they must satisfy.
//!
//! The relations between them are checked at compile time.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::packet::FRAMED_OVERHEAD_BYTES;

/// The default of [`Limits::max_len`](super::Limits::max_len), in bytes.
pub const MAX_LEN: usize = 512 * 1024;
/// The greatest value of [`Limits::max_len`](super::Limits::max_len), in bytes.
pub const MAX_LEN_CEILING: usize = 64 * 1024 * 1024;
/// The default of [`Output::outbox_limit`](super::Output::outbox_limit), in bytes.
pub const OUTBOX_LIMIT: usize = 1024 * 1024;
/// The greatest value of [`Output::deflate_level`](super::Output::deflate_level), which is zlib's default
/// level. The three above it were found to save at most 7 % more, and can take 10 to 60 times as long.
pub const MAX_DEFLATE_LEVEL: u8 = 6;
/// The default of [`Config::log_connections`](crate::Config::log_connections), in lines per second.
pub(super) const LOG_CONNECTIONS: NonZeroU32 = NonZeroU32::new(200).unwrap();
/// The default of [`Recording::limit`](super::Recording::limit), in bytes.
pub const RECORD_LIMIT: usize = 1024 * 1024;
/// The least value of [`Recording::limit`](super::Recording::limit), in bytes: enough for an upgrade
/// and some packets.
pub const MIN_RECORD_LIMIT: usize = 16 * 1024;
/// The most bytes of recordings in one directory; beyond it no new ones are begun.
pub const MAX_DIRECTORY_BYTES: u64 = 256 * 1024 * 1024;
/// The longest head of an upgrade request, in bytes, including the empty line at its end. A longer one is
/// answered 431.
pub const MAX_HEAD_BYTES: usize = 8 * 1024;
/// The most header lines of an upgrade request. More are answered 431.
pub const MAX_HEAD_LINES: usize = 64;
/// The most bytes by which an encoded packet to the client is longer than its Data: the frame header and the
/// packet header.
pub const PACKET_OVERHEAD_BYTES: usize = FRAMED_OVERHEAD_BYTES;
/// The number of bad requests of one connection that are answered. The next one closes it with 4002.
pub const MAX_BAD_REQUESTS: u32 = 10;
/// The most deferred requests of one connection that can be unanswered. Its next packet waits until one of
/// them is answered.
pub const MAX_TICKETS: usize = 64;
/// The most log lines about bad input of one connection.
pub const MAX_BAD_INPUT_LINES: u8 = 10;
/// The most reactors of one server: a [`ConnectionId`](crate::ConnectionId) has 8 bits for its worker, of
/// which the last value is reserved.
pub const MAX_WORKERS: usize = 255;
/// The longest timer that is accepted: it fits a timer wheel with ticks of a millisecond.
pub const MAX_TIMER: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The shortest timer that is accepted.
pub(super) const MIN_TIMER: Duration = Duration::from_millis(1);
/// The least [`Tuning::turn_time`](super::Tuning::turn_time) that is accepted.
pub(super) const MIN_TURN_TIME: Duration = Duration::from_micros(100);
/// The greatest [`Tuning::turn_time`](super::Tuning::turn_time) that is accepted.
pub(super) const MAX_TURN_TIME: Duration = Duration::from_secs(1);

// The reply to the longest message fits the outbox of a client that keeps up.
const _: () = assert!(MAX_LEN + PACKET_OVERHEAD_BYTES <= OUTBOX_LIMIT);
// It does not pause reading either (that happens at half of the limit), or one long echo would delay the
// next.
const _: () = assert!(MAX_LEN <= OUTBOX_LIMIT / 2);
const _: () = assert!(MAX_LEN <= MAX_LEN_CEILING);
// A head is read into the ordinary read buffer, and needs no more memory than a message.
const _: () = assert!(MAX_HEAD_BYTES <= MAX_LEN);
