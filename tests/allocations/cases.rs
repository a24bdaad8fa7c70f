//! Requests of all lengths, and the bytes that answer them.

use sysconn::frame;
use sysconn::frame::Opcode;
use sysconn::packet::{ErrorId, Reply, push_packet};

use crate::common::{frame, join, message, packet, part};
use crate::game::{ECHO, EFFECT, FLAG, PUSH, REFUSE, REFUSED, SINK, TYPED};
use crate::rig::{Arrival, Case};

/// The same for Data that is inflated, of which 16 bytes take as much of a turn as a packet.
pub(crate) const INFLATED_BYTES: usize = 6 * 1024;

/// The same for pushes: if several in one turn exceed this in total, they leave through the outbox.
pub(crate) const PUSH_BYTES: usize = 12 * 1024;

/// Bytes in front of Data within a message from the client.
const HEADER_BYTES: usize = 9;

/// A reply, or a refusal, in the frame that it leaves in.
pub(crate) fn reply(error_id: ErrorId, flag: u32, cmd: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    push_packet(&mut bytes, &Reply { error_id, data_status: 0, flag, cmd, data });
    bytes
}

/// The frames of one message.
fn fragments(message: &[u8], count: usize) -> Vec<u8> {
    let bytes = message.len().div_ceil(count).max(1);
    let last = message.len().div_ceil(bytes).max(1) - 1;
    let opcode = |index| if index == 0 { Opcode::Binary } else { Opcode::Continuation };
    let parts = message.chunks(bytes).enumerate();
    parts.flat_map(|(index, piece)| part(index == last, opcode(index), piece)).collect()
}

/// Lengths of Data for which messages fall into each length class of frames, including both ends of each
/// class.
pub(crate) fn lengths() -> impl Iterator<Item = usize> {
    [9, 10, 125, 126, 1000, 16_384, 65_535, 65_536, 200_000, 524_288]
        .map(|len| len - HEADER_BYTES)
        .into_iter()
}

/// The handled packets of one length of Data: each outcome, each way to arrive.
pub(crate) fn handled(len: usize) -> Vec<Case> {
    let data: Vec<u8> = (0..len).map(|index| (index % 251) as u8).collect();
    let count = (len as u64).to_be_bytes();
    let echoed = reply(ErrorId::NONE, FLAG, ECHO, &data);
    let mut cases = vec![
        Case::new("done", packet(SINK, FLAG, &data), vec![]),
        Case::new("reply", packet(ECHO, FLAG, &data), echoed.clone()),
        Case::new("refusal", packet(REFUSE, FLAG, &data), reply(REFUSED, FLAG, REFUSE, b"")),
        Case::new("typed", packet(TYPED, FLAG, &data), reply(ErrorId::NONE, FLAG, TYPED, &count)),
        Case::new("push to itself", packet(PUSH, FLAG, &data), reply(ErrorId::NONE, 0, PUSH, &data)),
        Case::new("effect", packet(EFFECT, FLAG, &data), vec![]),
    ];
    for pieces in [2, 5] {
        cases.push(Case {
            arrival: Arrival::InPieces(pieces),
            ..Case::new("reply", packet(ECHO, FLAG, &data), echoed.clone())
        });
        let fragmented = fragments(&message(ECHO, FLAG, 0, &data), pieces);
        cases.push(Case::new("reply to fragments", fragmented.clone(), echoed.clone()));
        let arrival = Arrival::InPieces(2 * pieces);
        cases.push(Case { arrival, ..Case::new("reply to fragments", fragmented, echoed.clone()) });
    }
    cases
}

/// Control frames, alone and between the fragments of a message.
pub(crate) fn controls() -> Vec<Case> {
    let pong = |payload: &[u8]| {
        let mut bytes = vec![];
        frame::push_frame(&mut bytes, Opcode::Pong, payload);
        bytes
    };
    let request = message(ECHO, FLAG, 0, b"between");
    let (first, last) = request.split_at(5);
    let (first, last) = (part(false, Opcode::Binary, first), part(true, Opcode::Continuation, last));
    let between = join(&[&first, &frame(Opcode::Ping, b"x"), &frame(Opcode::Pong, b""), &last]);
    let both = join(&[&pong(b"x"), &reply(ErrorId::NONE, FLAG, ECHO, b"between")]);
    let mut cases = vec![
        Case::new("ping", frame(Opcode::Ping, b""), pong(b"")),
        Case::new("ping", frame(Opcode::Ping, &[1; 125]), pong(&[1; 125])),
        Case::new("pong", frame(Opcode::Pong, &[1; 125]), vec![]),
        Case {
            arrival: Arrival::InPieces(3),
            ..Case::new("ping", frame(Opcode::Ping, b"xyz"), pong(b"xyz"))
        },
    ];
    cases.iter_mut().for_each(|case| case.packets = 0);
    cases.push(Case::new("reply around a ping", between, both));
    cases
}
