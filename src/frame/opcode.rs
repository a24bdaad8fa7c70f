//! Opcodes (RFC 6455 §5.2).

/// The bits of a header's first byte that hold the opcode.
pub(super) const OPCODE: u8 = 0x0f;
/// The bit that control opcodes have and data opcodes do not.
const CONTROL: u8 = 0x08;

/// The opcode of a frame: its purpose (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of a message that has begun.
    Continuation = 0,
    /// Text: a whole message, or its first fragment.
    Text = 1,
    /// Binary data: a whole message, or its first fragment.
    Binary = 2,
    /// The last frame that its sender sends.
    Close = 8,
    /// A request for a Pong with the same payload.
    Ping = 9,
    /// The answer to a Ping, or an unsolicited sign of life.
    Pong = 10,
}

impl Opcode {
    /// Whether frames with this opcode are control frames, which may come between the fragments of a message.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self as u8 & CONTROL != 0
    }

    /// The opcode with this number; `None` if it is reserved.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Opcode> {
        match bits {
            0 => Some(Opcode::Continuation),
            1 => Some(Opcode::Text),
            2 => Some(Opcode::Binary),
            8 => Some(Opcode::Close),
            9 => Some(Opcode::Ping),
            10 => Some(Opcode::Pong),
            _ => None,
        }
    }
}

/// Whether the first byte of a header has a data opcode. Reserved data opcodes count.
#[inline]
pub(super) const fn begins_data(first: u8) -> bool {
    first & CONTROL == 0
}

/// Whether the first byte of a header has the opcode of a Pong.
#[inline]
pub(crate) const fn begins_pong(first: u8) -> bool {
    first & OPCODE == Opcode::Pong as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_are_their_numbers() {
        let known =
            [Opcode::Continuation, Opcode::Text, Opcode::Binary, Opcode::Close, Opcode::Ping, Opcode::Pong];
        for bits in 0..=255 {
            assert_eq!(
                Opcode::from_bits(bits),
                known.into_iter().find(|&opcode| opcode as u8 == bits),
                "{bits}"
            );
        }
        assert_eq!(known.map(Opcode::is_control), [false, false, false, true, true, true]);
        assert_eq!(
            known.map(|opcode| begins_data(0x80 | opcode as u8)),
            [true, true, true, false, false, false]
        );
    }
}
