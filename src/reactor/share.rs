//! One connection's share of a turn: bytes in and out, frames, and time.

use super::budget::{MAX_SLICE_FRAMES, SLICE_FRAMES, Step, TURN_BYTES, TURN_FRAMES, TurnBudget};

/// What one connection may still use of a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    bytes_in: usize,
    bytes_out: usize,
    frames: u32,
    /// Frames that the next slice may take.
    slice: u32,
    /// When the first slice and the last one ended, in microseconds of the turn; 0 before that.
    began_us: u32,
    ended_us: u32,
}

impl Share {
    pub(super) const WHOLE: Share = Share {
        bytes_in: TURN_BYTES,
        bytes_out: TURN_BYTES,
        frames: TURN_FRAMES,
        slice: SLICE_FRAMES,
        began_us: 0,
        ended_us: 0,
    };

    /// The number of frames that may be taken now.
    #[inline]
    pub(super) fn slice(&self) -> u32 {
        self.frames.min(self.slice)
    }

    /// Takes bytes that were read.
    #[inline]
    pub(super) fn take_bytes(&mut self, bytes: usize) {
        self.bytes_in = self.bytes_in.saturating_sub(bytes);
    }

    /// Takes bytes of the connection's own output that were written.
    pub(super) fn take_output(&mut self, bytes: usize) {
        self.bytes_out = self.bytes_out.saturating_sub(bytes);
    }

    /// Takes frames, or work that counts as frames.
    #[inline]
    pub(super) fn take_frames(&mut self, frames: u32) {
        self.frames = self.frames.saturating_sub(frames);
    }

    #[inline]
    pub(super) fn is_used_up(&self) -> bool {
        self.bytes_in == 0 || self.bytes_out == 0 || self.frames == 0
    }

    /// Uses up the whole share.
    pub(super) fn use_up(&mut self) {
        self.frames = 0;
    }

    /// Ends a slice: sets the frames of the next one, and uses up the share if its time is over. Call it
    /// right after a clock read.
    pub(super) fn end_slice(&mut self, turn: &TurnBudget) {
        let now_us = u32::try_from(turn.passed_us()).unwrap_or(u32::MAX);
        let part_us = u32::try_from(turn.part_us()).unwrap_or(u32::MAX);
        if self.began_us == 0 {
            self.began_us = now_us;
        }
        let took_us = now_us.saturating_sub(std::mem::replace(&mut self.ended_us, now_us));
        // As many frames as fit in a quarter of a part, at the pace of this slice.
        let frames = u64::from(self.slice) * u64::from(part_us / 4) / u64::from(took_us.max(1));
        self.slice = u32::try_from(frames).unwrap_or(u32::MAX).clamp(SLICE_FRAMES, MAX_SLICE_FRAMES);
        if now_us.saturating_sub(self.began_us) >= part_us || !turn.allows(Step::FanOut, usize::MAX) {
            self.use_up();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART_US: u64 = 200;

    #[test]
    fn a_share_ends_with_its_bytes_its_frames_or_its_time() {
        let mut share = Share::WHOLE;
        share.take_bytes(TURN_BYTES);
        assert!(share.is_used_up());
        let mut share = Share::WHOLE;
        share.take_output(TURN_BYTES - 1);
        share.take_bytes(TURN_BYTES - 1);
        assert!(!share.is_used_up());
        share.take_output(1);
        assert!(share.is_used_up());
        let mut share = Share::WHOLE;
        share.take_frames(TURN_FRAMES - 1);
        assert!(!share.is_used_up());
        share.take_frames(u32::MAX);
        assert!(share.is_used_up());
        // The first slice can have begun at any time before the first clock read.
        let mut share = Share::WHOLE;
        for (passed_us, used_up) in [(1000, false), (1000 + PART_US - 1, false), (1000 + PART_US, true)] {
            share.end_slice(&TurnBudget::passed(passed_us));
            assert_eq!(share.is_used_up(), used_up, "{passed_us} µs");
        }
        // Slices take at most a quarter of that time, at an unchanged pace.
        let mut share = Share::WHOLE;
        let mut slices = vec![];
        for passed_us in [100, 125, 135, 136, 186, 286, 287] {
            slices.push(share.slice());
            share.end_slice(&TurnBudget::passed(passed_us));
        }
        assert_eq!(slices, [16, 16, 32, 128, 128, 128, 64]);
        share.take_frames(TURN_FRAMES - 3);
        assert_eq!(share.slice(), 3);
        let mut share = Share::WHOLE;
        share.end_slice(&TurnBudget::passed(Step::FanOut.ends_at() * PART_US));
        assert!(share.is_used_up(), "no handler starts after the end of the steps");
    }
}
