//! Slow clients: taking output counts as a sign of life, where a timer is about to end the connection for the
//! client's silence. A Ping that waits behind much else cannot be answered in time.

use super::connection::Conn;
use super::env::Env;
use super::input::{InFlight, Input};
use super::sample::{Outgoing, Sample};

/// Bytes that a client has to take in a period, or it counts as silent.
const MIN_PROGRESS_BYTES: u64 = 1024;

impl Conn {
    /// Whether to ask the socket how much the client has taken, because a timer would now end the connection
    /// for silence. A message that has begun has its time, whatever else the client does.
    pub(crate) fn is_taken_for_silent<S>(&self, env: &Env<S>) -> bool {
        self.is_between_messages() && self.silent_since(env.tools.now, &env.settings).is_some()
    }

    /// The socket was asked because a timer is about to end the connection. The first time that anything is
    /// in flight gives the client a period, and so does each later time if it has taken enough since.
    pub(crate) fn handle_outgoing<S>(&mut self, outgoing: Outgoing, env: &mut Env<S>) {
        let now = env.tools.now;
        let Some(since) = self.silent_since(now, &env.settings) else { return };
        let sample = self.rare.sample().copied();
        let written = outgoing.written.or(sample.map(|sample| sample.written)).unwrap_or_default();
        let acknowledged = written.wrapping_sub(outgoing.in_flight);
        // A sign of life since the last sample starts all of it anew.
        let progress = sample.filter(|sample| sample.at >= since).map(|sample| {
            let more = acknowledged.wrapping_sub(sample.acknowledged);
            // Less than before: a socket counts more than the bytes that it was given.
            i64::try_from(more).map_or(0, i64::unsigned_abs)
        });
        let in_flight = outgoing.in_flight.saturating_add(self.outbox.queued() as u64);
        let acknowledged = outgoing.written.unwrap_or_default().wrapping_sub(outgoing.in_flight);
        self.rare.set_sample((in_flight > 0).then_some(Sample { at: now, acknowledged, written: 0 }));
        self.handle_progress(in_flight, progress, env);
    }

    /// `bytes` are in flight, and `progress` were acknowledged since the last sample, if there was one that
    /// counts.
    pub(crate) fn handle_progress<S>(&mut self, bytes: u64, progress: Option<u64>, env: &mut Env<S>) {
        self.give(InFlight { bytes, progress }, env);
    }

    /// The socket took `bytes`.
    #[inline]
    pub(super) fn count_written(&mut self, bytes: usize) {
        if let Some(sample) = self.rare.sample() {
            sample.written = sample.written.wrapping_add(bytes as u64);
        }
    }

    /// Drops a sample that a sign of life has made worthless.
    pub(super) fn drop_old_sample(&mut self) {
        let since = self.deadlines.last_sign();
        if self.rare.sample().is_some_and(|sample| sample.at < since) {
            self.rare.set_sample(None);
        }
    }
}

impl<S> Input<Env<S>> for InFlight {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) {
        if self.bytes > 0 && self.progress.is_none_or(|bytes| bytes >= MIN_PROGRESS_BYTES) {
            conn.deadlines.seen(env.tools.now);
            conn.deadlines.read_since(env.tools.now);
        }
    }
}
