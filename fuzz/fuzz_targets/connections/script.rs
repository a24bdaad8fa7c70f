//! The rest of a script, and the client's actions that it selects.

use sysconn::frame::Opcode;
use sysconn::packet::DataStatus;

use crate::client::FuzzClient;
use crate::game::{BURST, COMMANDS, SINK};

/// The rest of a script.
pub(crate) struct Script<'s>(pub(crate) &'s [u8]);

impl Script<'_> {
    pub(crate) fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> &[u8] {
        self.0.split_off(..count.min(self.0.len())).unwrap_or_default()
    }
}

/// Does one step of a client.
pub(crate) fn act_by_script(client: &mut FuzzClient, kind: u8, script: &mut Script<'_>) {
    match kind {
        8..=15 => {
            let (cmd, len) = (COMMANDS[usize::from(script.byte()) % COMMANDS.len()], script.byte());
            let len = usize::from(len) * if kind == 15 { 17 } else { 1 };
            let data: Vec<u8> = (0..len).map(|index| index as u8 ^ kind).collect();
            let data = if cmd == BURST { &data[..len.min(40)] } else { &data };
            let is_owed = cmd != SINK && !(cmd == BURST && data.is_empty());
            let fragments = [1, 1, 1, 1, 2, 3, 9, 1][usize::from(kind - 8)];
            client.queue_packet(cmd, DataStatus::Raw, data, fragments, is_owed);
        }
        16 => client.queue_frame(Opcode::Ping, b"ping"),
        17 => client.queue_frame(Opcode::Pong, b""),
        18 => {
            let code = [1000_u16, 1001, 3000, 4999, 1005, 0, 1009, 1007][usize::from(script.byte()) & 7];
            client.queue_frame(Opcode::Close, &code.to_be_bytes());
            client.is_done = true;
        }
        19 => {
            client.stream.finish();
            client.is_done = true;
        }
        20 => {
            client.stream.reset();
            client.is_done = true;
        }
        21 => client.is_deaf = !client.is_deaf,
        22 => client.stream.set_window(usize::from(script.byte()) << 4),
        23 => client.piece = usize::from(script.byte()).max(1),
        24 => client.stream.send_urgent(),
        25..=27 => {
            let count = script.byte();
            client.queue(script.bytes(count.into()));
            client.breaks_rules = true;
        }
        28 => {
            let opcode = [Opcode::Text, Opcode::Continuation, Opcode::Close, Opcode::Binary]
                [usize::from(script.byte()) & 3];
            let count = script.byte();
            client.queue_frame(opcode, script.bytes(count.into()));
            client.breaks_rules = true;
        }
        29 => {
            let [cmd, status, count] = [script.byte(), script.byte(), script.byte()];
            let cmd = COMMANDS[usize::from(cmd) % COMMANDS.len()];
            let status = DataStatus::from_byte(status % 3).unwrap_or(DataStatus::Raw);
            client.queue_packet(cmd, status, script.bytes(count.into()), 1, false);
            client.breaks_rules = true;
        }
        _ => client.act(),
    }
}
