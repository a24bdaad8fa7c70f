//! One connection, without its socket: bytes and time go in, bytes to write and effects come out.
//!
//! ```text
//!   accepted from a trusted proxy
//!                │
//!                ▼
//!          ┌───────────┐
//!          │  Proxied  │ ────────────┐
//!          └───────────┘             │
//!                │ PROXY header      │
//!   accepted ──▶ │ complete          │
//!                ▼                   │ head complete, 101
//!          ┌───────────┐             │       ┌──────┐  close(cause)  ┌─────────┐  the client's Close, FIN,
//!          │ Upgrading │ ────────────┼─────▶ │ Open │ ─────────────▶ │ Closing │ ──── its end, or time ───▶ Closed
//!          └───────────┘             │       └──────┘                └─────────┘
//!                └───────────────────┴─ refusal: 400 … 503 ───────────────▲
//! ```
//!
//! Within `Open` the frame decoder has a machine of its own, ReadHead → ParsePayloadLen → ReadData;
//! the two share no field. A connection knows no socket, no clock and no other connection: the same
//! code runs under the reactor, a fuzzer, or a simulation.
//!
//! The reactor calls `handle_*` with what has happened, and after each call writes what was
//! gathered; [`Conn::wants_read`], [`Conn::next_deadline`] and [`Conn::cause`] tell what is next.

mod closing;
mod compressing;
mod deadlines;
mod env;
mod extras;
mod frames;
mod gathered;
mod heard;
mod inbox;
mod inflating;
mod job;
mod lifecycle;
mod messages;
mod outbox;
mod packets;
mod progress;
mod recorded;
mod recorded_begin;
mod recorded_calls;
mod replayed;
mod timeout;
mod upgrading;

#[cfg(test)]
mod tests;

use crate::cause::Cause;
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::object::Linked;
use crate::record::{Peer, Record};

pub(crate) use closing::Line;
pub(crate) use env::{Draining, Env, Settings};
pub(crate) use gathered::Gathered;
pub(crate) use outbox::{MAX_SLICES, Outbox};
pub(crate) use progress::Outgoing;
pub(crate) use recorded_calls::{access_of, kind_of};

use deadlines::Deadlines;
use extras::Extras;
use inbox::Inbox;
use lifecycle::Phase;

/// Bytes gathered for one connection at which they are written before more is parsed.
const FLUSH_BYTES: usize = 64 * 1024;
/// Bytes that are read at once.
const READ_BYTES: usize = 128 * 1024;
/// Bytes that are read at once from a client whose last message was a large one: one as long as `max_len` is by default comes
/// whole then, if the system has all of it.
pub(crate) const LARGE_READ_BYTES: usize = 528 * 1024;
/// Bytes that are read at once behind the part of a message that is held already, at least.
const MIN_READ_BYTES: usize = 16 * 1024;
/// What makes a read one that brought a lot, in bytes.
const MUCH_BYTES: usize = 8 * 1024;
/// What makes a message a large one, in bytes.
const LARGE_MESSAGE_BYTES: usize = 64 * 1024;

/// What became of the bytes that a connection was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All were taken.
    Taken,
    /// Some may be left; the PROXY header is over. Where it named the client the record now has its
    /// address. Then give the rest again.
    Introduced { named: bool },
    /// Some may be left; the head is whole, and the record has the address of the client that its headers
    /// name. Then give the rest again, even if nothing is left.
    Forwarded,
    /// Some may be left; the request was a health check, and is answered. Then give the rest again.
    Checked,
    /// Some are left: write what was gathered, then give them again.
    Flush,
    /// Some are left, and have to wait: for a deferred reply, for the outbox, or for the next turn.
    Wait,
}

/// How much a client sent of late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bulk {
    Little,
    /// The last read brought a lot.
    Much,
    /// The last message was a large one.
    Large,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) record: Record,
    pub(crate) outbox: Outbox,
    phase: Phase,
    deadlines: Deadlines,
    extras: Extras,
    /// The peer will send no more.
    ended: bool,
    /// The upgrade was accepted, so that the application has to be told of the end.
    opened: bool,
    /// A deadline may be earlier than it was.
    rearm: bool,
    bulk: Bulk,
}

// Most connections are idle, and this is what they are.
const _: () = assert!(size_of::<Phase>() <= 24);
const _: () = assert!(size_of::<Conn>() <= 168);

impl Conn {
    /// A connection that was just accepted.
    pub(crate) fn new(id: ConnectionId, peer: Peer, now: Moment) -> Self {
        Conn {
            record: Record::new(id, peer, now),
            outbox: Outbox::default(),
            phase: Phase::upgrading(),
            deadlines: Deadlines::new(now),
            extras: Extras::default(),
            ended: false,
            opened: false,
            rearm: true,
            bulk: Bulk::Little,
        }
    }

    /// A connection that was just accepted from a trusted proxy. `proxy` is its peer until the proxy has
    /// named another.
    pub(crate) fn behind_proxy(id: ConnectionId, proxy: Peer, now: Moment) -> Self {
        Conn { phase: Phase::proxied(), ..Conn::new(id, proxy, now) }
    }

    /// A connection whose upgrade was accepted.
    #[cfg(test)]
    pub(crate) fn idle(id: ConnectionId, peer: Peer, now: Moment, settings: &Settings) -> Self {
        let mut conn = Conn { phase: Phase::open(), opened: true, ..Conn::new(id, peer, now) };
        conn.deadlines.opened(now, settings);
        conn
    }

    /// Whether bytes from the socket are of use now.
    pub(crate) fn wants_read(&self, settings: &Settings) -> bool {
        match &self.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) => true,
            // What was read before comes first.
            Phase::Open(_) => !self.extras.has_input() && !self.ended && !self.is_held_back(settings),
            Phase::Closing(_) => !self.ended,
            Phase::Closed(_) => false,
        }
    }

    /// Whether input that was kept, or a message that is being inflated, can go on now.
    pub(crate) fn can_resume(&self, settings: &Settings) -> bool {
        match &self.phase {
            Phase::Open(_) => match (self.extras.job(), self.extras.inbox()) {
                // It holds one of few inflaters, however slowly the client takes its replies.
                (Some(job), _) => !job.waits,
                (None, Some(inbox)) => !self.waits_for_reply(inbox.rest()) && !self.is_held_back(settings),
                (None, None) => false,
            },
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Closing(_) | Phase::Closed(_) => false,
        }
    }

    /// Whether `input` has to wait for a deferred reply. Control frames do not.
    fn waits_for_reply(&self, input: &[u8]) -> bool {
        self.extras.is_deferred()
            && matches!(&self.phase, Phase::Open(open) if open.decoder.next_is_data(input))
    }

    /// Whether the client has to catch up with its replies first.
    fn is_held_back(&self, settings: &Settings) -> bool {
        !self.outbox.is_empty()
            && settings.outbox_limit != 0
            && self.outbox.queued() > settings.outbox_limit / 2
    }

    /// Bytes that are best read at once, where there is no [`room`](Self::room) for them: a message that
    /// comes whole is not copied. What may have to be kept is less where a message is held already.
    pub(crate) fn read_size(&self) -> usize {
        let most = if self.bulk == Bulk::Large { LARGE_READ_BYTES } else { READ_BYTES };
        match &self.phase {
            Phase::Open(open) => most.saturating_sub(open.decoder.unfinished_bytes()).max(MIN_READ_BYTES),
            Phase::Proxied(_) | Phase::Upgrading(_) => most,
            // What is only gone through can be all frames, and then takes longer than what is handled: the clock is
            // looked at in between.
            Phase::Closing(_) | Phase::Closed(_) => MIN_READ_BYTES,
        }
    }

    /// So many bytes were read at once.
    pub(crate) fn note_read(&mut self, len: usize) {
        if self.bulk != Bulk::Large {
            self.bulk = if len < MUCH_BYTES { Bulk::Little } else { Bulk::Much };
        }
    }

    /// Whether one short read is likely to bring all that the client has to say, and it can be handled then.
    pub(crate) fn says_little(&self, settings: &Settings) -> bool {
        let is_open = matches!(&self.phase, Phase::Open(open) if open.decoder.payload_left() < MUCH_BYTES);
        is_open && self.bulk == Bulk::Little && self.wants_read(settings)
    }

    /// Where the next bytes of a large message can be received without being copied, if one is on its
    /// way. Tell [`handle_received`](Self::handle_received) how many.
    pub(crate) fn room(&mut self) -> Option<&mut [u8]> {
        match &mut self.phase {
            Phase::Open(open) => open.decoder.receive_buffer(),
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Closing(_) | Phase::Closed(_) => None,
        }
    }

    /// Bytes were put into the [`room`](Self::room). What they lead to comes out of
    /// [`handle_bytes`](Self::handle_bytes), which needs none for it.
    pub(crate) fn handle_received<S>(&mut self, count: usize, env: &Env<S>) {
        self.note_received(count, env);
        if let Phase::Open(open) = &mut self.phase {
            open.decoder.received(count);
        }
    }

    /// The last message that did not come whole, until the next one begins.
    pub(crate) fn last_payload(&self) -> &[u8] {
        match &self.phase {
            Phase::Open(open) => open.decoder.last_payload(),
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Closing(_) | Phase::Closed(_) => &[],
        }
    }

    /// Keeps bytes that have to wait.
    pub(crate) fn keep(&mut self, input: &[u8]) {
        if let Phase::Open(open) = &mut self.phase
            && !input.is_empty()
        {
            // What has to wait takes the place of a buffer that is not in use.
            open.decoder.trim();
            self.extras.put_inbox(Inbox::new(input));
        }
    }

    /// Takes the bytes that had to wait, to be given to [`handle_bytes`](Self::handle_bytes) again.
    pub(crate) fn take_inbox(&mut self) -> Option<Inbox> {
        self.extras.take_inbox()
    }

    /// Puts back what is still left of the inbox that was taken, behind its first `used` bytes.
    pub(crate) fn put_inbox(&mut self, mut inbox: Inbox, used: usize) {
        inbox.advance(used);
        if let Phase::Open(open) = &mut self.phase
            && !inbox.rest().is_empty()
        {
            // What was taken of it may be in the decoder's buffer now.
            open.decoder.trim();
            self.extras.put_inbox(inbox);
        }
    }

    /// Whether nothing is to be done for it until something happens to it.
    pub(crate) fn is_at_rest(&self) -> bool {
        matches!(self.phase, Phase::Open(_)) && !self.ended && !self.rearm && !self.extras.has_input()
    }

    /// Whether a deadline may have become earlier since the last call.
    pub(crate) fn take_rearm(&mut self) -> bool {
        std::mem::replace(&mut self.rearm, false)
    }

    /// Why the connection has ended, once it has, and its socket is to be closed.
    pub(crate) fn cause(&self) -> Option<Cause> {
        match &self.phase {
            Phase::Closed(cause) => Some(*cause),
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Open(_) | Phase::Closing(_) => None,
        }
    }

    /// The player's object that is linked, to be told of the end.
    pub(crate) fn take_linked(&mut self) -> Option<Linked> {
        self.extras.take_linked()
    }

    /// Whether packets are taken: the upgrade is complete, and it does not close yet.
    #[cfg(test)]
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open(_))
    }

    /// Whether all that comes is thrown away.
    pub(crate) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing(_))
    }

    /// Bytes that are held for the connection: what waits to be handled or written, and the buffers of what is not
    /// whole.
    pub(crate) fn held_bytes(&self) -> usize {
        let unfinished = match &self.phase {
            Phase::Upgrading(upgrading) => upgrading.head.capacity(),
            Phase::Open(open) => open.decoder.held_bytes(),
            Phase::Proxied(_) | Phase::Closing(_) | Phase::Closed(_) => 0,
        };
        let inflating = self.extras.job().map_or(0, |job| job.message.capacity());
        unfinished + inflating + self.extras.inbox().map_or(0, Inbox::held_bytes) + self.outbox.queued()
    }

    /// Bytes that are held of what has come out of an inflater so far.
    pub(crate) fn inflated_bytes(&self) -> usize {
        self.extras.job().map_or(0, |job| job.work.out.capacity())
    }

    /// Whether the application was told that the connection is open.
    pub(crate) fn was_opened(&self) -> bool {
        self.opened
    }
}
