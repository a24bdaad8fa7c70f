//! tungstenite as a client of the program.
//!
//! Every exchange is tried in four ways of delivery. Each ends with an echo as a marker, which shows that the
//! expected replies came, and nothing else. The clients in `foreign/` do the same.

mod link;
mod packet;
mod server;

use std::error::Error;

use link::{Delivery, Link};
use packet::{MAX_DATA, brief, indices, pattern, reply, request};
use server::Server;

type Fallible<T> = Result<T, Box<dyn Error>>;

/// Both sides of each length form of a frame, with Data alone and with the header of a packet.
const SIZES: [usize; 11] = [0, 1, 116, 117, 125, 126, 65_526, 65_527, 65_535, 65_536, MAX_DATA];
const FLAGS: [u32; 6] = [0, 1, u32::MAX / 2, u32::MAX / 2 + 1, u32::MAX, 0x0102_0304];

/// A packet, by its command and Data, and the expected result.
enum Case {
    /// Replies with these Data, under this ErrorID.
    Replies(u16, Vec<u8>, Vec<Vec<u8>>, u16),
    /// A message, and the code that the server closes with.
    Closes(Vec<u8>, u16),
}

impl Case {
    fn name(&self) -> String {
        match self {
            Case::Replies(cmd, data, replies, _) => {
                format!("{cmd}, {}: {} replies", brief(data), replies.len())
            }
            Case::Closes(message, code) => format!("{}: Close {code}", brief(message)),
        }
    }

    fn run(self, link: Link, flag: u32) -> Fallible<()> {
        match self {
            Case::Replies(cmd, data, replies, error_id) => {
                let replies = replies.iter().map(|data| reply(cmd, data, flag, error_id)).collect();
                link.exchange(vec![request(cmd, &data, flag)], replies)
            }
            Case::Closes(message, code) => link.closes(message, code),
        }
    }
}

fn cases(largest: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for size in SIZES.into_iter().filter(|size| *size <= largest) {
        let data = pattern(size);
        let later = [&[0, 0, 0, (size % 50) as u8][..], &data[..size.min(MAX_DATA - 4)]].concat();
        cases.push(Case::Replies(1101, data.clone(), vec![data.clone()], 0));
        cases.push(Case::Replies(1102, data.clone(), vec![], 0));
        cases.push(Case::Replies(1105, later.clone(), vec![later[4..].to_vec()], 0));
        cases.extend([1103, 1104].map(|cmd| Case::Closes(request(cmd, &data, 7), 4001)));
    }
    for id in [1_u16, 100, 65_535] {
        cases.push(Case::Replies(1103, id.to_be_bytes().to_vec(), vec![vec![]], id));
    }
    for count in [0_u16, 1, 3, 1000, 60_000] {
        cases.push(Case::Replies(1104, count.to_be_bytes().to_vec(), indices(count), 0));
    }
    cases.extend((0..4).map(|size| Case::Closes(request(1105, &pattern(size), 7), 4001)));
    cases.extend([0, 1100, 1199, 65_535].map(|cmd| Case::Replies(cmd, b"data".to_vec(), vec![vec![]], 1)));
    cases.push(Case::Closes(vec![0; 8], 4000));
    if largest == MAX_DATA {
        cases.push(Case::Closes(request(1101, &pattern(MAX_DATA + 1), 7), 1009));
    }
    cases
}

/// A command, its Data, the Data of its replies, and their ErrorID.
type Sent = (u16, &'static [u8], Vec<Vec<u8>>, u16);

/// Immediate replies wait for the deferred ones before them.
fn in_order(link: Link) -> Fallible<()> {
    let (mut packets, mut replies) = (Vec::new(), Vec::new());
    let sent: [Sent; 8] = [
        (1105, b"\0\0\0\x1ea", vec![b"a".to_vec()], 0),
        (1101, b"b", vec![b"b".to_vec()], 0),
        (1105, b"\0\0\0\0c", vec![b"c".to_vec()], 0),
        (1104, b"\0\x03", indices(3), 0),
        (1103, b"\0\x64", vec![vec![]], 100),
        (1105, b"\0\0\0\x05", vec![vec![]], 0),
        (1102, b"d", vec![], 0),
        (1101, b"", vec![vec![]], 0),
    ];
    for (flag, (cmd, data, answers, error_id)) in (100..).zip(sent) {
        packets.push(request(cmd, data, flag));
        replies.extend(answers.iter().map(|answer| reply(cmd, answer, flag, error_id)));
    }
    link.exchange(packets, replies)
}

/// A DataSize that does not match is refused.
fn wrong_data_size(link: Link) -> Fallible<()> {
    let mut packet = request(1101, b"four", 7);
    packet[1] = 5;
    link.exchange(vec![packet], vec![reply(1101, b"", 7, 2)])
}

fn all_cases(delivery: Delivery) -> Fallible<()> {
    let server = Server::start()?;
    let mut failures = Vec::new();
    for (case, flag) in cases(delivery.largest()).into_iter().zip(FLAGS.into_iter().cycle()) {
        let name = case.name();
        let result = Link::open(server.port, delivery).and_then(|link| case.run(link, flag));
        failures.extend(result.err().map(|error| format!("{name}: {error}")));
    }
    for (name, exchange) in [("order", in_order as fn(Link) -> _), ("wrong DataSize", wrong_data_size)] {
        let result = Link::open(server.port, delivery).and_then(exchange);
        failures.extend(result.err().map(|error| format!("{name}: {error}")));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    server.stop()
}

#[test]
fn whole() -> Fallible<()> {
    all_cases(Delivery::Whole)
}

#[test]
fn fragmented() -> Fallible<()> {
    all_cases(Delivery::Fragmented)
}

#[test]
fn together() -> Fallible<()> {
    all_cases(Delivery::Together)
}

#[test]
fn dribbled() -> Fallible<()> {
    all_cases(Delivery::Dribbled)
}

#[test]
fn text_is_refused() -> Fallible<()> {
    let server = Server::start()?;
    let mut link = Link::open(server.port, Delivery::Whole)?;
    link.send_text("text")?;
    link.expect_close(1003)?;
    server.stop()
}
