//! What is left of a script, and what it has a client say and do.

use sysconn::frame::Opcode;
use sysconn::packet::DataStatus;

use crate::game::{BURST, COMMANDS, SINK};
use crate::player::Player;

/// What is left of a script.
pub(crate) struct Script<'s>(pub(crate) &'s [u8]);

impl Script<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> &[u8] {
        self.0.split_off(..count.min(self.0.len())).unwrap_or_default()
    }
}

/// What a client says and does.
pub(crate) fn speak(player: &mut Player, kind: u8, script: &mut Script<'_>) {
    match kind {
        8..=15 => {
            let (cmd, len) = (COMMANDS[usize::from(script.byte()) % COMMANDS.len()], script.byte());
            let len = usize::from(len) * if kind == 15 { 17 } else { 1 };
            let data: Vec<u8> = (0..len).map(|index| index as u8 ^ kind).collect();
            let data = if cmd == BURST { &data[..len.min(40)] } else { &data };
            let is_owed = cmd != SINK && !(cmd == BURST && data.is_empty());
            let fragments = [1, 1, 1, 1, 2, 3, 9, 1][usize::from(kind - 8)];
            player.say_packet(cmd, DataStatus::Raw, data, fragments, is_owed);
        }
        16 => player.say_frame(Opcode::Ping, b"ping"),
        17 => player.say_frame(Opcode::Pong, b""),
        18 => {
            let code = [1000_u16, 1001, 3000, 4999, 1005, 0, 1009, 1007][usize::from(script.byte()) & 7];
            player.say_frame(Opcode::Close, &code.to_be_bytes());
            player.is_done = true;
        }
        19 => {
            player.client.finish();
            player.is_done = true;
        }
        20 => {
            player.client.reset();
            player.is_done = true;
        }
        21 => player.is_deaf = !player.is_deaf,
        22 => player.client.set_window(usize::from(script.byte()) << 4),
        23 => player.piece = usize::from(script.byte()).max(1),
        24 => player.client.send_urgent(),
        25..=27 => {
            let count = script.byte();
            player.say(script.bytes(count.into()));
            player.is_wild = true;
        }
        28 => {
            let opcode = [Opcode::Text, Opcode::Continuation, Opcode::Close, Opcode::Binary]
                [usize::from(script.byte()) & 3];
            let count = script.byte();
            player.say_frame(opcode, script.bytes(count.into()));
            player.is_wild = true;
        }
        29 => {
            let [cmd, status, count] = [script.byte(), script.byte(), script.byte()];
            let cmd = COMMANDS[usize::from(cmd) % COMMANDS.len()];
            let status = DataStatus::from_byte(status % 3).unwrap_or(DataStatus::Raw);
            player.say_packet(cmd, status, script.bytes(count.into()), 1, false);
            player.is_wild = true;
        }
        _ => player.act(),
    }
}
