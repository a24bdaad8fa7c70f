//! Gives bytes from a socket to their connection, and serves its requests to the reactor meanwhile.

use super::active::Active;
use super::budget::STEP_BYTES;
use super::share::Share;
use crate::cause::Cause;
use crate::conn::Progress;
use crate::router::Application;

/// After this many fan-outs in a row, a connection's share ends with its slice. They leave in one write to
/// each receiver, and a receiver's queue stays short. While many fan-outs are unfinished, one is enough.
const PUSHES_IN_A_ROW: u32 = 16;

impl<S: Application> Active<'_, S> {
    /// Gives bytes to the connection, and writes its output in between. Returns how many bytes it took.
    #[inline(never)]
    pub(super) fn feed(&mut self, bytes: &mut [u8], share: &mut Share) -> usize {
        self.feed_inline(bytes, share)
    }

    /// [`feed`](Self::feed), for the read of most clients.
    #[inline(always)]
    pub(super) fn feed_inline(&mut self, bytes: &mut [u8], share: &mut Share) -> usize {
        self.lent.env.input_len = bytes.len();
        let (progress, used) = self.feed_slice(bytes, share);
        if progress == Progress::Taken && self.lent.env.tools.write_buffer.borrowed.is_empty() {
            // Most reads.
            return used;
        }
        // A copy of the share, so that most reads need not have it in memory.
        let mut rest = *share;
        let used = self.reborrow().feed_on(progress, used, bytes, &mut rest);
        *share = rest;
        used
    }

    /// Gives the connection one slice of `bytes`. Returns also how many it took.
    #[inline(always)]
    fn feed_slice(&mut self, bytes: &mut [u8], share: &mut Share) -> (Progress, usize) {
        let (frames, given) = (share.slice(), bytes.len());
        let (env, mut rest) = (&mut self.lent.env, bytes);
        env.frames_left = frames;
        let progress = self.entry.conn.handle_bytes(&mut rest, env);
        share.take_frames(env.frames_taken(frames));
        (progress, given - rest.len())
    }

    /// Acts on the `progress` that the connection has made with the first `used` bytes, and goes on.
    #[inline(never)]
    fn feed_on(
        &mut self,
        mut progress: Progress,
        mut used: usize,
        bytes: &mut [u8],
        share: &mut Share,
    ) -> usize {
        loop {
            if !self.lent.env.tools.write_buffer.borrowed.is_empty() {
                share.take_output(self.write_borrowed(bytes));
            }
            match progress {
                Progress::Taken => return used,
                Progress::Wait => {
                    if self.lent.env.frames_left > 0 {
                        return used;
                    }
                    // It ran out of frames, and may get more.
                    self.end_slice(share);
                    if self.entry.conn.waits_for_inflater() {
                        return used;
                    }
                }
                Progress::Flush => {
                    share.take_output(self.write_now());
                    self.end_slice(share);
                }
                Progress::Introduced { named } => {
                    if named {
                        self.count_address();
                    }
                    if self.entry.socket.begin_tls(bytes.get(used..).unwrap_or_default()) {
                        // The socket keeps these bytes, and no event announces them.
                        self.entry.readable = true;
                        return bytes.len();
                    }
                }
                // The head waits in the connection, and no event would announce it.
                Progress::Forwarded => self.count_address(),
                Progress::Checked => self.give_up_permit(Cause::HealthCheck),
            }
            if share.is_used_up() && progress != Progress::Forwarded {
                return used;
            }
            let more;
            (progress, more) = self.feed_slice(bytes.get_mut(used..).unwrap_or_default(), share);
            used += more;
        }
    }

    /// Reads the clock between two slices of the connection's work.
    pub(super) fn end_slice(&mut self, share: &mut Share) {
        self.lent.budget.read_clock();
        share.end_slice(&self.lent.budget);
        let in_a_row = if self.lent.fan_outs.are_many() { 1 } else { PUSHES_IN_A_ROW };
        if self.lent.env.tools.effects.broadcasts() >= in_a_row {
            share.use_up();
        }
    }

    /// Compresses one slice of a waiting reply. The work counts against the frames that the connection has
    /// left in this turn.
    pub(super) fn compress_slice(&mut self, share: &mut Share) {
        if !self.entry.conn.has_job() {
            return;
        }
        let frames = share.slice();
        let env = &mut self.lent.env;
        env.frames_left = frames;
        let is_more_ready = self.entry.conn.go_on_compressing(env);
        share.take_frames(env.frames_taken(frames));
        self.end_slice(share);
        if is_more_ready {
            self.write_outbox();
        }
    }

    /// Ends the connection's share of the turn. A connection that has used it up waits behind others from now
    /// on.
    #[inline(always)]
    pub(super) fn end_share(&mut self, share: &Share) {
        self.lent.budget.charge(STEP_BYTES);
        if share.is_used_up() {
            self.reborrow().mark_busy();
        }
    }

    /// Moves the connection, from the next turn on, behind those that have not used up their share.
    #[cold]
    fn mark_busy(&mut self) {
        self.entry.standing.set_busy(true);
        if !self.entry.standing.was_served() {
            self.entry.standing.set_served(true);
            self.schedule.note_served(self.entry.id());
        }
    }
}
