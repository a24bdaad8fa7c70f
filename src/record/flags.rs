//! What is true or false of a connection, and the kind of its client, in one byte.

use super::login::ClientKind;

/// A yes or no about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flag(u8);

impl Flag {
    /// The log watches its packets.
    pub(crate) const LOG: Flag = Flag(1);
    /// A recorder watches its packets.
    pub(crate) const RECORDER: Flag = Flag(1 << 1);
    /// A clock times its handlers, and sees nothing of the packets.
    pub(crate) const CLOCK: Flag = Flag(1 << 2);
    /// The peer will send no more.
    pub(crate) const ENDED: Flag = Flag(1 << 3);
    /// The upgrade was accepted, so the application has to be told of the end.
    pub(crate) const OPENED: Flag = Flag(1 << 4);
    /// A deadline may have become earlier.
    pub(crate) const REARM: Flag = Flag(1 << 5);

    /// Either of the first two.
    pub(super) const WATCHED: Flag = Flag(Self::LOG.0 | Self::RECORDER.0);
    /// Any of the first three.
    pub(super) const WATCHED_HANDLERS: Flag = Flag(Self::WATCHED.0 | Self::CLOCK.0);
}

/// The kind of client lies above the flags.
const KIND_SHIFT: u32 = 6;
const FLAGS_MASK: u8 = (1 << KIND_SHIFT) - 1;
const _: () =
    assert!(Flag::WATCHED_HANDLERS.0 | Flag::ENDED.0 | Flag::OPENED.0 | Flag::REARM.0 == FLAGS_MASK);

/// The flags of a connection, and the kind of its client.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags(u8);

impl Flags {
    /// Whether `flag` is set, or one of several.
    #[inline]
    pub(super) fn has(self, flag: Flag) -> bool {
        self.0 & flag.0 != 0
    }

    #[inline]
    pub(super) fn set(&mut self, flag: Flag, on: bool) {
        self.0 = if on { self.0 | flag.0 } else { self.0 & !flag.0 };
    }

    pub(super) fn kind(self) -> ClientKind {
        const PLAYER: u8 = ClientKind::Player as u8;
        const OPERATOR: u8 = ClientKind::Operator as u8;
        match self.0 >> KIND_SHIFT {
            PLAYER => ClientKind::Player,
            OPERATOR => ClientKind::Operator,
            _ => ClientKind::Guest,
        }
    }

    pub(super) fn set_kind(&mut self, kind: ClientKind) {
        self.0 = self.0 & FLAGS_MASK | (kind as u8) << KIND_SHIFT;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_the_kind_do_not_disturb_each_other() {
        let all = [Flag::LOG, Flag::RECORDER, Flag::CLOCK, Flag::ENDED, Flag::OPENED, Flag::REARM];
        let kinds = [ClientKind::Guest, ClientKind::Player, ClientKind::Operator];
        let mut flags = Flags::default();
        assert_eq!(flags.kind(), ClientKind::Guest);
        for kind in kinds {
            flags.set_kind(kind);
            for flag in all {
                for on in [true, false] {
                    flags.set(flag, on);
                    assert_eq!((flags.has(flag), flags.kind()), (on, kind), "{flag:?}");
                    assert!(all.iter().all(|other| *other == flag || !flags.has(*other)), "{flag:?}");
                }
            }
        }
    }
}
