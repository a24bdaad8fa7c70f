//! How much is read from a connection's socket, when, and what becomes of input that has to wait.

use super::connection::Conn;
use super::inbox::Inbox;
use super::phase::Phase;
use super::settings::Settings;

/// Bytes of one read.
pub(super) const READ_BYTES: usize = 128 * 1024;
/// Bytes of one read from a client whose last message was large: a message of the default `max_len` comes
/// whole then, if the system has all of it.
pub(crate) const LARGE_READ_BYTES: usize = 528 * 1024;
/// Bytes of one read behind a part of a message that is held already, at least.
pub(super) const MIN_READ_BYTES: usize = 16 * 1024;
/// Bytes from which on a read brought much.
pub(super) const MUCH_BYTES: usize = 8 * 1024;
/// Bytes from which on a message is large.
pub(super) const LARGE_MESSAGE_BYTES: usize = 64 * 1024;

/// How much a client has sent lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bulk {
    Little,
    /// The last read brought much.
    Much,
    /// The last message was large.
    Large,
}

impl Conn {
    /// Whether the connection takes bytes from its socket now.
    pub(crate) fn wants_read(&self, settings: &Settings) -> bool {
        match &self.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) => true,
            // Input that was read before comes first.
            Phase::Open(_) => !self.rare.has_input() && !self.ended && !self.is_held_back(settings),
            Phase::Closing(_) => !self.ended,
            Phase::Closed(_) => false,
        }
    }

    /// Whether input that was kept, or a message that is being inflated, can go on now.
    pub(crate) fn can_resume(&self, settings: &Settings) -> bool {
        match &self.phase {
            Phase::Open(_) => match (self.rare.job(), self.rare.inbox()) {
                // It holds one of few inflaters, however slowly the client takes its replies.
                (Some(job), _) => !job.waits,
                (None, Some(inbox)) => !self.waits_for_reply(inbox.rest()) && !self.is_held_back(settings),
                (None, None) => false,
            },
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Closing(_) | Phase::Closed(_) => false,
        }
    }

    /// Whether `input` has to wait for a deferred reply. Control frames do not.
    pub(super) fn waits_for_reply(&self, input: &[u8]) -> bool {
        self.rare.is_deferred()
            && matches!(&self.phase, Phase::Open(open) if open.decoder.next_is_data(input))
    }

    /// Whether the client has to catch up with its replies first.
    pub(super) fn is_held_back(&self, settings: &Settings) -> bool {
        !self.outbox.is_empty()
            && settings.outbox_limit != 0
            && self.outbox.queued() > settings.outbox_limit / 2
    }

    /// The size of the next read in bytes, unless there is [space](Self::receive_buffer) in a message's own
    /// buffer. A message that comes whole is not copied; less is read where a part of a message is held
    /// already.
    pub(crate) fn read_size(&self) -> usize {
        let most = if self.bulk == Bulk::Large { LARGE_READ_BYTES } else { READ_BYTES };
        match &self.phase {
            Phase::Open(open) => most.saturating_sub(open.decoder.unfinished_bytes()).max(MIN_READ_BYTES),
            Phase::Proxied(_) | Phase::Upgrading(_) => most,
            // Input that is thrown away can be all frames, and then takes longer than input that is handled:
            // the clock is read in between.
            Phase::Closing(_) | Phase::Closed(_) => MIN_READ_BYTES,
        }
    }

    /// Takes note of the length of a read.
    pub(crate) fn note_read(&mut self, len: usize) {
        if self.bulk != Bulk::Large {
            self.bulk = if len < MUCH_BYTES { Bulk::Little } else { Bulk::Much };
        }
    }

    /// Takes note of the length of a message.
    #[inline(always)]
    pub(super) fn note_message_len(&mut self, is_large: bool) {
        if is_large {
            self.bulk = Bulk::Large;
        } else if self.bulk == Bulk::Large {
            self.bulk = Bulk::Much;
        }
    }

    /// Whether one short read is likely to bring all that the client has sent, and it can be handled then.
    pub(crate) fn says_little(&self, settings: &Settings) -> bool {
        let is_open = matches!(&self.phase, Phase::Open(open) if open.decoder.payload_left() < MUCH_BYTES);
        is_open && self.bulk == Bulk::Little && self.wants_read(settings)
    }

    /// Space into which the next bytes of a large message can be read without being copied, if one is on its
    /// way. Pass the number of bytes to [`handle_received`](Self::handle_received).
    pub(crate) fn receive_buffer(&mut self) -> Option<&mut [u8]> {
        match &mut self.phase {
            Phase::Open(open) => open.decoder.receive_buffer(),
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Closing(_) | Phase::Closed(_) => None,
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
            // The waiting input goes into a buffer that is not in use.
            open.decoder.trim();
            self.rare.put_inbox(Inbox::new(input));
        }
    }

    /// Takes the bytes that had to wait, to be given to [`handle_bytes`](Self::handle_bytes) again.
    pub(crate) fn take_inbox(&mut self) -> Option<Inbox> {
        self.rare.take_inbox()
    }

    /// Puts back what is left of the inbox that was taken, behind its first `used` bytes.
    pub(crate) fn put_inbox(&mut self, mut inbox: Inbox, used: usize) {
        inbox.advance(used);
        if let Phase::Open(open) = &mut self.phase
            && !inbox.rest().is_empty()
        {
            // Bytes that were taken of it may be in the decoder's buffer now.
            open.decoder.trim();
            self.rare.put_inbox(inbox);
        }
    }
}
