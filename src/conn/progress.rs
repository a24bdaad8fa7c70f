//! A slow client is not an idle one: that it takes what it is sent counts as a sign of life, where a timer is about to
//! end it for its silence. A Ping that waits behind much else cannot be answered in time.

use super::{Conn, Env};
use crate::moment::Moment;
use crate::recording::note::Note;

/// Bytes that a client has to take in a period, or it is silent.
const MIN_PROGRESS_BYTES: u64 = 1024;

/// What a socket says of the bytes that were written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Bytes that the peer has not acknowledged.
    pub(crate) in_flight: u64,
    /// Bytes that were written in all, if the socket itself counts them: with TLS these are others than those
    /// that it was given.
    pub(crate) written: Option<u64>,
}

/// What was known when it was last looked how much a client has taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    at: Moment,
    /// Bytes that were acknowledged by then, from some beginning on.
    acknowledged: u64,
    /// Bytes that the socket took since.
    written: u64,
}

impl Conn {
    /// Whether it is worth while to ask what the client has taken: a timer ends it now for its silence. A message that has
    /// begun has its time, whatever else the client does.
    pub(crate) fn is_taken_for_silent<S>(&self, env: &Env<S>) -> bool {
        self.is_between_messages() && self.silent_since(env.tools.now, &env.settings).is_some()
    }

    /// The socket was asked because a timer is about to end the connection. The first time that anything is in flight
    /// gives the client a period, and so does each time from then on that it has taken enough since.
    pub(crate) fn handle_outgoing<S>(&mut self, outgoing: Outgoing, env: &mut Env<S>) {
        let now = env.tools.now;
        let Some(since) = self.silent_since(now, &env.settings) else { return };
        let look = self.extras.look().copied();
        let written = outgoing.written.or(look.map(|look| look.written)).unwrap_or_default();
        let acknowledged = written.wrapping_sub(outgoing.in_flight);
        // A sign of life since the last look begins all of it anew.
        let progress = look.filter(|look| look.at >= since).map(|look| {
            let more = acknowledged.wrapping_sub(look.acknowledged);
            // Less than before: what is written costs a socket more than its bytes.
            i64::try_from(more).map_or(0, i64::unsigned_abs)
        });
        let in_flight = outgoing.in_flight.saturating_add(self.outbox.queued() as u64);
        let acknowledged = outgoing.written.unwrap_or_default().wrapping_sub(outgoing.in_flight);
        self.extras.set_look((in_flight > 0).then_some(Look { at: now, acknowledged, written: 0 }));
        self.handle_progress(in_flight, progress, env);
    }

    /// So much is in flight, and so much was acknowledged since the last look, if there was one that counts.
    pub(crate) fn handle_progress<S>(&mut self, in_flight: u64, progress: Option<u64>, env: &mut Env<S>) {
        self.note_given(|| Note::InFlight { bytes: in_flight, progress }, env);
        if in_flight > 0 && progress.is_none_or(|bytes| bytes >= MIN_PROGRESS_BYTES) {
            self.deadlines.seen(env.tools.now);
            self.deadlines.read_since(env.tools.now);
        }
        self.note_outcome(env);
    }

    /// The socket took so many bytes.
    #[inline]
    pub(super) fn count_written(&mut self, bytes: usize) {
        if let Some(look) = self.extras.look() {
            look.written = look.written.wrapping_add(bytes as u64);
        }
    }

    /// Forgets a look that a sign of life has made worthless.
    pub(super) fn forget_look(&mut self) {
        let since = self.deadlines.last_sign();
        if self.extras.look().is_some_and(|look| look.at < since) {
            self.extras.set_look(None);
        }
    }
}
