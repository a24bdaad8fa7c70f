//! Decides when and how much to read from a connection's socket, and keeps input that has to wait.

use super::connection::Conn;
use super::inbox::Inbox;
use super::phase::{Bulk, Phase};
use super::settings::Settings;
use crate::metrics::Stamp;

/// The ordinary size of one read, in bytes.
pub(super) const READ_BYTES: usize = 128 * 1024;
/// The size of one read from a client whose last message was large, in bytes: a message of the default
/// `max_len` then comes whole, if the system has all of it.
pub(crate) const LARGE_READ_BYTES: usize = 528 * 1024;
/// The size of the first read of a message from a client whose last one was large and came in pieces, in
/// bytes: enough for its buffer to begin with. What follows is received there, and needs no copy.
pub(super) const FIRST_READ_BYTES: usize = 32 * 1024;
/// The least size of one read after the held part of a message, in bytes.
pub(super) const MIN_READ_BYTES: usize = 16 * 1024;
/// Bytes above which a read counts as much.
pub(super) const MUCH_BYTES: usize = 8 * 1024;
/// The least size of a large message, in bytes.
pub(super) const LARGE_MESSAGE_BYTES: usize = 64 * 1024;

impl Conn {
    /// Whether the connection takes bytes from its socket now.
    #[inline]
    pub(crate) fn wants_read(&self, settings: &Settings) -> bool {
        match &self.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) => true,
            Phase::Open(_) => self.open_wants_read(settings),
            Phase::Closing(_) => !self.has_ended() && self.rare.inbox().is_none(),
            Phase::Closed(_) => false,
        }
    }

    /// Whether kept input, or a message that is being inflated, can go on now.
    pub(crate) fn can_resume(&self, settings: &Settings) -> bool {
        match &self.phase {
            Phase::Open(_) => match (self.rare.job(), self.rare.inbox()) {
                // It holds one of few inflaters, so it goes on even if the client takes its replies slowly.
                (Some(job), _) => !job.waits,
                (None, Some(inbox)) => !self.waits_for_reply(inbox.rest()) && !self.is_held_back(settings),
                (None, None) => false,
            },
            // Waiting input is not handled any more, but the client's Close may be in it.
            Phase::Closing(_) => self.rare.inbox().is_some(),
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Closed(_) => false,
        }
    }

    /// Whether `input` has to wait for the answer to a deferred request. Control frames do not.
    pub(super) fn waits_for_reply(&self, input: &[u8]) -> bool {
        self.rare.holds_back() && matches!(&self.phase, Phase::Open(open) if open.decoder.next_is_data(input))
    }

    /// Whether the client has to catch up with its replies first.
    #[inline(always)]
    pub(crate) fn is_held_back(&self, settings: &Settings) -> bool {
        !self.outbox.is_empty()
            && settings.outbox_limit != 0
            && self.outbox.queued() > settings.outbox_limit / 2
    }

    /// The size of the next read in bytes, unless a message's own buffer has [space](Self::receive_buffer). A
    /// message that comes whole is not copied; the read is smaller where part of a message is held already.
    pub(crate) fn read_size(&self) -> usize {
        match &self.phase {
            Phase::Open(open) => {
                let most = match open.bulk {
                    Bulk::Little | Bulk::Much => READ_BYTES,
                    Bulk::Large => LARGE_READ_BYTES,
                    Bulk::Pieces => FIRST_READ_BYTES,
                };
                most.saturating_sub(open.decoder.unfinished_bytes()).max(MIN_READ_BYTES)
            }
            Phase::Proxied(_) | Phase::Upgrading(_) => READ_BYTES,
            // Discarded input can consist of frames only, and then takes longer than handled input: small
            // reads let the clock be read in between.
            Phase::Closing(_) | Phase::Closed(_) => MIN_READ_BYTES,
        }
    }

    /// Records the length of a read.
    pub(crate) fn note_read(&mut self, len: usize) {
        if let Phase::Open(open) = &mut self.phase
            && !open.bulk.is_large()
        {
            open.bulk = if len < MUCH_BYTES { Bulk::Little } else { Bulk::Much };
        }
    }

    /// Records the length of a message.
    #[inline(always)]
    pub(super) fn note_message_len(&mut self, is_large: bool) {
        if let Phase::Open(open) = &mut self.phase
            && is_large != open.bulk.is_large()
        {
            open.bulk = if is_large { Bulk::Large } else { Bulk::Much };
        }
    }

    /// Records that a read straight into a message followed `copied` bytes of it. A message with few of them
    /// that is whole now would have come in one read.
    pub(super) fn note_piece(&mut self, copied: usize, is_whole: bool) {
        if let Phase::Open(open) = &mut self.phase
            && open.bulk.is_large()
        {
            let at_once = is_whole && copied <= FIRST_READ_BYTES;
            open.bulk = if at_once { Bulk::Large } else { Bulk::Pieces };
        }
    }

    /// Whether one short read is likely to bring all that the client has sent, and can be handled then.
    #[inline(always)]
    pub(crate) fn says_little(&self, settings: &Settings) -> bool {
        let Phase::Open(open) = &self.phase else { return false };
        let is_quiet = open.bulk == Bulk::Little && open.decoder.payload_left() < MUCH_BYTES;
        is_quiet && self.open_wants_read(settings)
    }

    /// [`wants_read`](Self::wants_read) of an open connection: kept input comes first.
    #[inline(always)]
    fn open_wants_read(&self, settings: &Settings) -> bool {
        !self.rare.has_input() && !self.has_ended() && !self.is_held_back(settings)
    }

    /// Space in an incomplete large message, into which its next bytes can be read without a copy. Tell
    /// [`handle_received`](Self::handle_received) how many were read.
    pub(crate) fn receive_buffer(&mut self) -> Option<&mut [u8]> {
        match &mut self.phase {
            Phase::Open(open) => open.decoder.receive_buffer(),
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Closing(_) | Phase::Closed(_) => None,
        }
    }

    /// The last message that came in pieces, until the next one begins.
    pub(crate) fn last_payload(&self) -> &[u8] {
        match &self.phase {
            Phase::Open(open) => open.decoder.last_payload(),
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Closing(_) | Phase::Closed(_) => &[],
        }
    }

    /// Keeps bytes that have to wait.
    pub(crate) fn keep(&mut self, input: &[u8]) {
        if matches!(self.phase, Phase::Open(_) | Phase::Closing(_)) {
            self.put_inbox(Inbox::new(input), 0);
        }
    }

    /// Records when the bytes arrived that it keeps.
    pub(crate) fn note_arrival(&mut self, at: Stamp) {
        if let Some(inbox) = self.rare.inbox_mut() {
            inbox.set_arrived(at);
        }
    }

    /// Takes the waiting bytes, to be given to [`handle_bytes`](Self::handle_bytes) again.
    pub(crate) fn take_inbox(&mut self) -> Option<Inbox> {
        self.rare.take_inbox()
    }

    /// Puts back the rest of a taken inbox, without its first `used` bytes.
    pub(crate) fn put_inbox(&mut self, mut inbox: Inbox, used: usize) {
        inbox.advance(used);
        if inbox.rest().is_empty() {
            return;
        }
        match &mut self.phase {
            Phase::Open(open) => {
                // Waiting input replaces a buffer that is not in use. The taken bytes may be in it now.
                open.decoder.trim();
                self.rare.put_inbox(inbox);
            }
            Phase::Closing(_) => self.rare.put_inbox(inbox),
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Closed(_) => {}
        }
    }
}
