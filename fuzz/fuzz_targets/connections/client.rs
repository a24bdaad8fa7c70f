//! A client: it sends what its script says, parses and checks all that comes, and remembers it.

use sysconn::frame::{Decoder, Error, Event, MessageKind, Opcode, Role, Rules, push_masked_frame};
use sysconn::internals::{Agreement, Deflate, SharedCodecs};
use sysconn::packet::{DataStatus, Reply, Request, push_request};
use sysconn::sim::{Client, StreamState};

use crate::game::{PUSHED, PUSHED_FROM_OUTSIDE, Sent};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// Longer than any message of the server.
const MAX_LEN: usize = 1 << 20;

/// A client, as a script drives it.
pub(crate) struct FuzzClient {
    pub(crate) stream: Client,
    pub(crate) state: StreamState,
    /// Bytes that are queued and not sent yet.
    unsent: Vec<u8>,
    /// How many of them are sent at once.
    pub(crate) piece: usize,
    /// It does not receive.
    pub(crate) is_deaf: bool,
    /// It has sent what breaks a rule.
    pub(crate) breaks_rules: bool,
    /// It has ended its direction, or is about to.
    pub(crate) is_done: bool,
    /// The Flag of the last packet.
    flag: u32,
    /// The Flag of the last packet that must be answered.
    pub(crate) owed_flag: u32,
    received: Vec<u8>,
    upgraded: bool,
    refused: bool,
    decoder: Decoder,
    deflate: Option<Deflate>,
    pub(crate) answered_flag: u32,
    /// Replies of handlers.
    pub(crate) replies: Vec<Sent>,
    /// Packets of any kind.
    pub(crate) packets: u64,
    /// The numbers of the last push by a handler and of the last from outside.
    last_pushes: [u64; 2],
    /// The code of the Close frame that came. 0: it had none.
    pub(crate) close: Option<u16>,
}

impl FuzzClient {
    pub(crate) fn new(client: Client) -> Self {
        FuzzClient {
            stream: client,
            state: StreamState::Open,
            unsent: vec![],
            piece: usize::MAX,
            is_deaf: false,
            breaks_rules: false,
            is_done: false,
            flag: 0,
            owed_flag: 0,
            received: vec![],
            upgraded: false,
            refused: false,
            decoder: Decoder::new(),
            deflate: None,
            answered_flag: 0,
            replies: vec![],
            packets: 0,
            last_pushes: [0; 2],
            close: None,
        }
    }

    /// Queues bytes to be sent.
    pub(crate) fn queue(&mut self, bytes: &[u8]) {
        if !self.is_done {
            self.unsent.extend_from_slice(bytes);
        }
    }

    /// Queues a frame that is not a fragment.
    pub(crate) fn queue_frame(&mut self, opcode: Opcode, payload: &[u8]) {
        self.queue_fragment(true, opcode, payload);
    }

    fn queue_fragment(&mut self, fin: bool, opcode: Opcode, payload: &[u8]) {
        if !self.is_done {
            push_masked_frame(&mut self.unsent, fin, opcode, KEY, payload);
        }
    }

    /// Queues a packet in that many fragments. `is_owed`: it must be answered.
    pub(crate) fn queue_packet(
        &mut self,
        cmd: u16,
        status: DataStatus,
        data: &[u8],
        fragments: usize,
        is_owed: bool,
    ) {
        self.flag += 1;
        if is_owed {
            self.owed_flag = self.flag;
        }
        let mut packet = vec![];
        push_request(&mut packet, &Request { data_status: status as u8, flag: self.flag, cmd, data });
        let mut pieces = packet.chunks(packet.len().div_ceil(fragments.max(1))).peekable();
        let mut opcode = Opcode::Binary;
        while let Some(piece) = pieces.next() {
            self.queue_fragment(pieces.peek().is_none(), opcode, piece);
            opcode = Opcode::Continuation;
        }
    }

    /// Sends the next piece of what is queued, and receives what has come.
    pub(crate) fn act(&mut self) {
        let piece = self.unsent.len().min(self.piece);
        let sent = self.stream.send(&self.unsent[..piece]);
        self.unsent.drain(..sent);
        if !self.is_deaf {
            self.state = self.stream.receive(&mut self.received);
            self.parse();
        }
    }

    /// Whether nothing is queued.
    pub(crate) fn has_sent_all(&self) -> bool {
        self.unsent.is_empty()
    }

    /// Parses and checks what was received.
    fn parse(&mut self) {
        let mut received = std::mem::take(&mut self.received);
        let mut rest = received.as_mut_slice();
        if !self.upgraded && !self.refused {
            let Some(end) = rest.windows(4).position(|end| end == b"\r\n\r\n") else {
                self.received = received;
                return;
            };
            let (head, behind) = rest.split_at_mut(end + 4);
            self.read_head(str::from_utf8(head).expect("an answer is ASCII"));
            rest = behind;
        }
        if self.upgraded {
            self.read_frames(rest);
        }
        received.clear();
        self.received = received;
    }

    fn read_head(&mut self, head: &str) {
        self.upgraded = head.starts_with("HTTP/1.1 101 ");
        self.refused = !self.upgraded;
        assert!(self.upgraded || head.starts_with("HTTP/1.1 4") || head.starts_with("HTTP/1.1 5"), "{head}");
        if let Some((_, extension)) = head.split_once("Sec-WebSocket-Extensions: permessage-deflate") {
            let ours = extension.contains("client_no_context_takeover");
            let theirs = extension.contains("server_no_context_takeover");
            // An agreement names the compressing side as the server. Here that is the client.
            let agreement = Agreement {
                server_no_context_takeover: ours,
                client_no_context_takeover: theirs,
                ..Agreement::default()
            };
            self.deflate = Deflate::new(agreement, 1);
        }
    }

    /// Parses frames. The server has to keep the rules, whatever it has received.
    fn read_frames(&mut self, bytes: &mut [u8]) {
        let rules =
            Rules { role: Role::Client, max_len: MAX_LEN, text: false, deflate: self.deflate.is_some() };
        let mut input = bytes;
        let mut decoder = std::mem::take(&mut self.decoder);
        loop {
            match decoder.next(&mut input, &rules) {
                Ok(None) => break,
                Ok(Some(event)) => {
                    assert!(self.close.is_none(), "{event:?} behind the Close");
                    self.read_event(event);
                }
                Err(error) => panic!("the server breaks a rule: {error}"),
            }
        }
        self.decoder = decoder;
    }

    fn read_event(&mut self, event: Event<'_>) {
        match event {
            Event::Message { kind: MessageKind::Binary, compressed: false, payload } => {
                self.read_packet(payload)
            }
            Event::Message { kind: MessageKind::Binary, compressed: true, payload } => {
                let mut packet = vec![];
                let deflate = self.deflate.as_mut().expect("compression was agreed on");
                let done: Result<(), Error> =
                    deflate.inflate(payload, &mut packet, MAX_LEN, &mut SharedCodecs::default());
                assert_eq!(done, Ok(()));
                self.read_packet(&packet);
            }
            Event::Message { kind: MessageKind::Text, .. } => unreachable!("text is an error"),
            Event::Ping(payload) => {
                let payload = payload.to_vec();
                self.queue_frame(Opcode::Pong, &payload);
            }
            Event::Pong(_) => {}
            Event::Close(close) => self.close = Some(close.map_or(0, |close| close.code.get())),
        }
    }

    fn read_packet(&mut self, message: &[u8]) {
        let reply = Reply::parse(message).expect("a packet");
        self.packets += 1;
        if matches!(reply.cmd, PUSHED | PUSHED_FROM_OUTSIDE) && reply.error_id.0 == 0 {
            assert_eq!(reply.flag, 0, "a push has no Flag");
            let last = &mut self.last_pushes[usize::from(reply.cmd - PUSHED)];
            let (to, number) = reply.data.split_first_chunk::<8>().expect("16 bytes");
            let number = u64::from_be_bytes(number.try_into().expect("8 bytes"));
            let own = self.stream.connection().map(|id| id.to_u64().to_be_bytes());
            assert!(own.is_none_or(|own| own == *to), "a push for another connection");
            assert!(number > *last, "push {number} after {last}");
            *last = number;
            return;
        }
        if !self.breaks_rules {
            let flags = self.answered_flag..=self.flag;
            assert!(flags.contains(&reply.flag), "a reply to {}, where {flags:?} is due", reply.flag);
            self.answered_flag = reply.flag;
        }
        let mut inflated = vec![];
        let data = if reply.data_status == DataStatus::Compressed as u8 {
            let mut codecs = sysconn::packet::Codecs::new(None);
            let id = sysconn::ConnectionId::from_u64(0);
            codecs
                .decode(id, reply.data_status, reply.data, &mut inflated, MAX_LEN)
                .expect("a zlib stream")
                .to_vec()
        } else {
            reply.data.to_vec()
        };
        // The library's own refusals are not the game's.
        if !(1..100).contains(&reply.error_id.0) {
            self.replies.push((reply.error_id.0, reply.flag, reply.cmd, data));
        }
    }
}
