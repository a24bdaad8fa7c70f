//! The actions of one client of the random sessions.

use std::time::Duration;

use flate2::{Compress, Compression, FlushCompress};
use sysconn::frame::{Opcode, push_masked_frame};
use sysconn::sim::Random;

use super::game::{COMMANDS, DEFERRING};
use super::plan::Plan;
use crate::common::{message, upgrade_of};

/// The next step of a client.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Send(Vec<u8>),
    Wait(Duration),
    /// Stops or resumes receiving.
    Read(bool),
    /// Sends no more.
    Finish,
    Reset,
}

/// The offers of compression that clients make.
const OFFERS: [&str; 5] = [
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; server_max_window_bits=10",
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    "permessage-deflate; server_max_window_bits=9; client_max_window_bits=12",
];

/// Makes the input of one client.
struct Writer<'a> {
    random: &'a mut Random,
    bytes: Vec<u8>,
    packets: bool,
    defers: bool,
    max_len: usize,
    deflate: Option<Compress>,
    keeps_window: bool,
}

/// A session: an upgrade, some messages, and an end of some kind.
pub(crate) fn session(random: &mut Random, plan: &Plan) -> Vec<Step> {
    let (offers, offer) = (random.chance(0.7), random.index(OFFERS.len()));
    let line =
        if offers { format!("Sec-WebSocket-Extensions: {}\r\n", OFFERS[offer]) } else { String::new() };
    let upgrade = if random.chance(0.02) { upgrade_of("/elsewhere", &line) } else { upgrade_of("/", &line) };
    let keeps_window = plan.is_dedicated() && OFFERS[offer].contains("client_max_window_bits");
    let window_bits = if OFFERS[offer].contains("client_max_window_bits=12") { 12 } else { 13 };
    let compress = (plan.deflates() && offers)
        .then(|| Compress::new_with_window_bits(Compression::fast(), false, window_bits));
    let mut writer = Writer {
        random,
        bytes: vec![],
        packets: plan.packets,
        defers: plan.defers,
        max_len: plan.max_len(),
        deflate: compress,
        keeps_window,
    };
    let mut steps = vec![];
    writer.pieces(upgrade, &mut steps);
    for _ in 0..writer.random.between(1, 20) {
        for _ in 0..writer.random.between(1, 6) {
            writer.frame();
        }
        let bytes = std::mem::take(&mut writer.bytes);
        writer.pieces(bytes, &mut steps);
        writer.pause(&mut steps);
    }
    writer.end(&mut steps);
    steps
}

impl Writer<'_> {
    /// Sends bytes in pieces: all at once, or the first ones bit by bit.
    fn pieces(&mut self, bytes: Vec<u8>, steps: &mut Vec<Step>) {
        let mut rest = &bytes[..];
        for _ in 0..self.random.index(6) {
            let most = [1, 2, 7, 30, 1000, 20_000, 1 << 20][self.random.index(7)];
            let (piece, behind) = rest.split_at(most.min(rest.len()));
            steps.push(Step::Send(piece.to_vec()));
            if self.random.chance(0.7) {
                steps.push(Step::Wait(Duration::from_micros(self.random.below(3000))));
            }
            rest = behind;
        }
        if !rest.is_empty() {
            steps.push(Step::Send(rest.to_vec()));
        }
    }

    fn pause(&mut self, steps: &mut Vec<Step>) {
        match self.random.index(30) {
            0..3 => steps.push(Step::Read(false)),
            3..10 => steps.push(Step::Read(true)),
            10..18 => steps.push(Step::Wait(Duration::from_millis(self.random.below(500)))),
            18 => steps.push(Step::Wait(Duration::from_millis(self.random.below(20_000)))),
            19 => {
                steps.push(Step::Read(false));
                steps.push(Step::Wait(Duration::from_millis(self.random.below(20_000))));
                steps.push(Step::Read(true));
            }
            _ => {}
        }
    }

    fn end(&mut self, steps: &mut Vec<Step>) {
        if self.random.chance(0.8) {
            steps.push(Step::Read(true));
        }
        match self.random.index(10) {
            0..5 => {
                self.control(Opcode::Close, &1000u16.to_be_bytes());
                steps.push(Step::Send(std::mem::take(&mut self.bytes)));
            }
            5 | 6 => steps.push(Step::Finish),
            7 => steps.push(Step::Reset),
            _ => {}
        }
    }

    fn control(&mut self, opcode: Opcode, payload: &[u8]) {
        let key = self.key();
        push_masked_frame(&mut self.bytes, true, opcode, key, payload);
    }

    fn key(&mut self) -> [u8; 4] {
        let mut key = [0; 4];
        self.random.fill(&mut key);
        key
    }

    /// A message, a control frame, or something invalid.
    fn frame(&mut self) {
        match self.random.index(400) {
            0..20 => {
                let len = self.random.index(126);
                self.control(Opcode::Ping, &vec![b'p'; len]);
            }
            20..30 => self.control(Opcode::Pong, b"pong"),
            30 => {
                let close = [&b"\x03"[..], b"\x03\xe8", b"\x03\xedx", b""][self.random.index(4)];
                self.control(Opcode::Close, close);
            }
            31 | 32 => {
                let at = self.bytes.len();
                self.message();
                let flipped = at + self.random.index((self.bytes.len() - at).min(30));
                self.bytes[flipped] ^= 1 << self.random.index(8);
            }
            33 => {
                let mut garbage = vec![0; self.random.index(40)];
                self.random.fill(&mut garbage);
                self.bytes.extend(garbage);
            }
            34 => (0..600).for_each(|_| self.control(Opcode::Ping, b"flood")),
            35 | 36 => {
                let small = if self.packets { message(1201, 1, 0, b"many") } else { b"many".to_vec() };
                for _ in 0..self.random.index(700) {
                    self.fragments(&small, 1, false);
                }
            }
            _ => self.message(),
        }
    }

    /// The content of a message or its Data.
    fn content(&mut self) -> Vec<u8> {
        let len = [0, 1, 10, 100, 600, 3000, 20_000, 70_000, 200_000];
        let most = [9, 6, 5][self.random.index(3)];
        let len = len[self.random.index(most)];
        let mut len = len + self.random.index(1 + len / 3);
        if !self.random.chance(0.02) {
            len = len.min(self.max_len / 2);
        }
        let mut content = vec![b'x'; len];
        match self.random.index(3) {
            0 => self.random.fill(&mut content),
            1 => content.iter_mut().enumerate().for_each(|(at, byte)| *byte = (at * at / 7) as u8 & 0x3f),
            _ => {}
        }
        content
    }

    fn payload(&mut self) -> Vec<u8> {
        let mut data = self.content();
        if !self.packets {
            return data;
        }
        let deferring: &[(u16, u32)] = if self.defers { &DEFERRING } else { &[] };
        let commands = || COMMANDS.iter().chain(deferring);
        let mut pick = self.random.below(commands().map(|(_, weight)| u64::from(*weight)).sum()) as u32;
        let known = commands().find(|(_, weight)| {
            let is_it = pick < *weight;
            pick = pick.saturating_sub(*weight);
            is_it
        });
        let cmd = if self.random.chance(0.03) { 4242 } else { known.unwrap().0 };
        let status = match self.random.index(40) {
            0..6 => {
                data = zlib(&data);
                1
            }
            9 if self.random.chance(0.2) => self.random.index(5) as u8,
            _ => 0,
        };
        let mut message = message(cmd, self.random.number() as u32, status, &data);
        match self.random.index(500) {
            0 => message.truncate(self.random.index(9)),
            1 => message.truncate(message.len() - message.len().min(1)),
            _ => {}
        }
        message
    }

    fn message(&mut self) {
        let mut payload = self.payload();
        let is_compressed = self.deflate.is_some() && self.random.chance(0.5);
        if is_compressed && let Some(compress) = &mut self.deflate {
            if !self.keeps_window {
                compress.reset();
            }
            payload = deflated(compress, &payload);
        }
        let count = if self.random.chance(0.6) { 1 } else { 1 + self.random.index(6) };
        self.fragments(&payload, count, is_compressed);
    }

    /// A message in that many frames, with Pings between them.
    fn fragments(&mut self, payload: &[u8], count: usize, is_compressed: bool) {
        let mut rest = payload;
        let is_text = !self.packets && self.random.chance(0.3);
        for number in 0..count {
            let is_last = number + 1 == count;
            let len = if is_last { rest.len() } else { self.random.index(rest.len() + 1) };
            let (piece, behind) = rest.split_at(len);
            let at = self.bytes.len();
            let opcode = match (number, is_text) {
                (0, true) => Opcode::Text,
                (0, false) => Opcode::Binary,
                _ => Opcode::Continuation,
            };
            let key = self.key();
            push_masked_frame(&mut self.bytes, is_last, opcode, key, piece);
            if is_compressed && number == 0 {
                self.bytes[at] |= 0x40;
            }
            if !is_last && self.random.chance(0.2) {
                self.control(Opcode::Ping, b"between");
            }
            rest = behind;
        }
    }
}

fn deflated(compress: &mut Compress, message: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(message.len() + message.len() / 8 + 1024);
    compress.compress_vec(message, &mut packed, FlushCompress::Sync).unwrap();
    packed.strip_suffix(&[0, 0, 0xff, 0xff]).unwrap_or(&packed).to_vec()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(data.len() + data.len() / 8 + 1024);
    let mut compress = Compress::new(Compression::fast(), true);
    compress.compress_vec(data, &mut packed, FlushCompress::Finish).unwrap();
    packed
}
