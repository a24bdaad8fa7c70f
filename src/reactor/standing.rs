//! Flags of one connection: waiting to be served, busy, served, part of a fan-out, or replaced.

/// Flags of one connection, in one byte.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing(u8);

/// What fan-outs note of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// One has yet to reach it.
    Awaited,
    /// It has asked for one.
    Owes,
}

impl Standing {
    const READY: u8 = 1;
    const BUSY: u8 = 2;
    const SERVED: u8 = 4;
    const AWAITED: u8 = 8;
    const OWES: u8 = 16;
    const REPLACED: u8 = 32;

    /// Whether it is in one of the ready queues.
    pub(super) fn is_ready(self) -> bool {
        self.0 & Self::READY != 0
    }

    pub(super) fn set_ready(&mut self, is_ready: bool) {
        self.set(Self::READY, is_ready);
    }

    /// Whether it used up its share of the turn when it was served last.
    pub(super) fn is_busy(self) -> bool {
        self.0 & Self::BUSY != 0
    }

    pub(super) fn set_busy(&mut self, is_busy: bool) {
        self.set(Self::BUSY, is_busy);
    }

    /// Whether it was served in this turn, so that an event does not have it served again.
    pub(super) fn was_served(self) -> bool {
        self.0 & Self::SERVED != 0
    }

    pub(super) fn set_served(&mut self, was_served: bool) {
        self.set(Self::SERVED, was_served);
    }

    /// Whether an unfinished fan-out may still have to reach it.
    pub(super) fn is_awaited(self) -> bool {
        self.0 & Self::AWAITED != 0
    }

    pub(super) fn set_awaited(&mut self, is_awaited: bool) {
        self.set(Self::AWAITED, is_awaited);
    }

    /// Whether a fan-out that it asked for may be unfinished.
    pub(super) fn owes(self) -> bool {
        self.0 & Self::OWES != 0
    }

    pub(super) fn set_owes(&mut self, owes: bool) {
        self.set(Self::OWES, owes);
    }

    /// Whether the application was told that a newer connection has replaced it.
    pub(super) fn is_replaced(self) -> bool {
        self.0 & Self::REPLACED != 0
    }

    pub(super) fn set_replaced(&mut self) {
        self.set(Self::REPLACED, true);
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        match mark {
            Mark::Awaited => self.set_awaited(true),
            Mark::Owes => self.set_owes(true),
        }
    }

    fn set(&mut self, bit: u8, is_set: bool) {
        self.0 = if is_set { self.0 | bit } else { self.0 & !bit };
    }
}
