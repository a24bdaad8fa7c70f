//! Tells slow clients from silent ones: taking output counts as a sign of life when a timer is about to end
//! the connection for silence. A Ping that waits behind much other output cannot be answered in time.

use super::connection::Conn;
use super::env::Env;
use super::input::{InFlight, Input};
use super::phase::Phase;
use super::sample::{Outgoing, Sample};
use crate::router::Application;

/// The fewest bytes that a client has to take in a period to not count as silent.
const MIN_PROGRESS_BYTES: u64 = 1024;

impl Conn {
    /// Whether to ask the socket what the client has taken: a timer would end the connection now for silence.
    /// A message that has begun has a fixed time, whatever else the client does.
    pub(crate) fn is_taken_for_silent<S: Application>(&self, env: &Env<S>) -> bool {
        self.is_between_messages() && self.silent_since(env.tools.now, &env.settings).is_some()
    }

    /// Handles the socket's report when a timer is about to end the connection. The client gets one more
    /// period the first time that anything is in flight, and later each time that it has taken enough since
    /// the last sample.
    pub(crate) fn handle_outgoing<S: Application>(&mut self, outgoing: Outgoing, env: &mut Env<S>) {
        let now = env.tools.now;
        let Some(since) = self.silent_since(now, &env.settings) else { return };
        let sample = self.rare.sample().copied();
        let written = outgoing.written.or(sample.map(|sample| sample.written)).unwrap_or_default();
        let acknowledged = written.wrapping_sub(outgoing.in_flight);
        // A sign of life since the last sample starts over.
        let progress = sample.filter(|sample| sample.at >= since).map(|sample| {
            let more = acknowledged.wrapping_sub(sample.acknowledged);
            // This can shrink, because a socket counts more than the bytes that it was given.
            i64::try_from(more).map_or(0, i64::unsigned_abs)
        });
        let in_flight = outgoing.in_flight.saturating_add(self.outbox.queued() as u64);
        let acknowledged = outgoing.written.unwrap_or_default().wrapping_sub(outgoing.in_flight);
        self.rare.set_sample((in_flight > 0).then_some(Sample { at: now, acknowledged, written: 0 }));
        self.handle_progress(in_flight, progress, env);
    }

    /// Decides on `bytes` in flight and `progress` acknowledged since the last sample, if there was one that
    /// counts.
    pub(crate) fn handle_progress<S: Application>(
        &mut self,
        bytes: u64,
        progress: Option<u64>,
        env: &mut Env<S>,
    ) {
        self.give(InFlight { bytes, progress }, env);
    }

    /// The socket took `bytes`.
    #[inline]
    pub(crate) fn count_written(&mut self, bytes: usize) {
        if let Some(sample) = self.rare.sample() {
            sample.written = sample.written.wrapping_add(bytes as u64);
        }
    }

    /// Drops a sample that a sign of life has outdated.
    pub(super) fn drop_old_sample(&mut self) {
        let Phase::Open(open) = &self.phase else { return };
        let since = open.deadlines.last_sign();
        if self.rare.sample().is_some_and(|sample| sample.at < since) {
            self.rare.set_sample(None);
        }
    }
}

impl<S: Application> Input<Env<S>> for InFlight {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) {
        if self.bytes > 0 && self.progress.is_none_or(|bytes| bytes >= MIN_PROGRESS_BYTES) {
            conn.seen(env.tools.now);
            conn.read_since(env.tools.now);
        }
    }
}
