//! The plan of one client: its requests, and the replies that must come back.

use std::collections::VecDeque;

use crate::wire::{CLOSE, PING, UPGRADE, close, frame, number_field, request, text_field};

/// What has to come next.
#[derive(Debug)]
pub enum Expected {
    /// The head of an HTTP response with that status.
    Head(u16),
    Packet {
        error_id: u16,
        cmd: u16,
        flag: u32,
        data: Data,
    },
    Pong(Vec<u8>),
    Close(u16),
    /// The server's end, and no byte before it.
    End,
    /// Anything, and then the server's end.
    AnythingThenEnd,
}

/// The Data of a packet.
#[derive(Debug)]
pub enum Data {
    Is(Vec<u8>),
    /// It holds what only the server knows, such as the time.
    Any,
}

/// How a client ends its connection after all else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// It closes its socket.
    Drop,
    /// It resets the connection, where that can be done.
    Reset,
    /// It stays until it is given more to do.
    Stay,
}

/// Bytes to be sent, and all that has to come until the next ones are.
#[derive(Debug, Default)]
pub struct Exchange {
    pub send: Vec<u8>,
    /// The end follows the last of the bytes.
    pub then_shut: bool,
    pub expected: VecDeque<Expected>,
}

/// All that a client does.
#[derive(Debug)]
pub struct Plan {
    /// The row of the table that it is counted in.
    pub kind: usize,
    pub exchanges: VecDeque<Exchange>,
    pub leave: Leave,
    /// It reads little at a time, through a small buffer.
    pub is_slow: bool,
    /// Another client may log in with its role: then it is closed with 4007, and what it was owed is void.
    pub may_be_replaced: bool,
    /// What it says in the room, in order: each is pushed to it too.
    pub says: VecDeque<String>,
    flag: u32,
}

impl Plan {
    /// A plan without a step.
    pub fn new(kind: usize) -> Self {
        Plan {
            kind,
            exchanges: VecDeque::new(),
            leave: Leave::Drop,
            is_slow: false,
            may_be_replaced: false,
            says: VecDeque::new(),
            flag: 0,
        }
    }

    /// A plan that begins with an upgrade, and waits for it.
    pub fn upgraded(kind: usize) -> Self {
        let mut plan = Plan::new(kind);
        plan.send(UPGRADE.to_vec());
        plan.expect(Expected::Head(101));
        plan
    }

    /// What is added from now on is sent when all that was expected until now has come.
    pub fn then(&mut self) {
        self.exchanges.push_back(Exchange::default());
    }

    fn last(&mut self) -> &mut Exchange {
        if self.exchanges.is_empty() {
            self.then();
        }
        self.exchanges.back_mut().unwrap_or_else(|| unreachable!("there is one now"))
    }

    pub fn send(&mut self, bytes: Vec<u8>) {
        let last = self.last();
        if last.send.is_empty() { last.send = bytes } else { last.send.extend(bytes) }
    }

    pub fn expect(&mut self, expected: Expected) {
        self.last().expected.push_back(expected);
    }

    /// Half-closes behind what is to be sent.
    pub fn shut(&mut self) {
        self.last().then_shut = true;
    }

    /// A request, and its reply.
    pub fn ask(&mut self, cmd: u16, data: &[u8], reply: Data) {
        self.flag += 1;
        let flag = self.flag;
        self.send(request(cmd, flag, data));
        self.expect(Expected::Packet { error_id: 0, cmd, flag, data: reply });
    }

    /// A request that is refused.
    pub fn ask_in_vain(&mut self, cmd: u16, data: &[u8], error_id: u16) {
        self.flag += 1;
        let flag = self.flag;
        self.send(request(cmd, flag, data));
        self.expect(Expected::Packet { error_id, cmd, flag, data: Data::Is(vec![]) });
    }

    /// A request that is answered by so many replies, each the next number.
    pub fn ask_for_burst(&mut self, count: u16) {
        self.flag += 1;
        let flag = self.flag;
        self.send(request(1104, flag, &count.to_be_bytes()));
        for index in 0..u32::from(count) {
            let data = Data::Is(index.to_be_bytes().to_vec());
            self.expect(Expected::Packet { error_id: 0, cmd: 1104, flag, data });
        }
    }

    pub fn echo(&mut self, data: Vec<u8>) {
        self.flag += 1;
        let flag = self.flag;
        self.send(request(1101, flag, &data));
        self.expect(Expected::Packet { error_id: 0, cmd: 1101, flag, data: Data::Is(data) });
    }

    pub fn ping(&mut self, payload: Vec<u8>) {
        self.send(frame(true, PING, &payload));
        self.expect(Expected::Pong(payload));
    }

    pub fn log_in(&mut self, role_id: u64, kind: u64) {
        let login = [
            text_field(1, &format!("account-{role_id}")),
            text_field(2, "soak"),
            number_field(3, 1),
            number_field(4, role_id),
            number_field(5, kind),
        ];
        self.ask(1002, &login.concat(), Data::Any);
    }

    pub fn join(&mut self, room: &str) {
        self.ask(1201, &text_field(1, room), Data::Any);
    }

    pub fn say(&mut self, room: &str, text: String) {
        self.ask(1203, &[text_field(1, room), text_field(2, &text)].concat(), Data::Is(vec![]));
        self.says.push_back(text);
    }

    /// The closing handshake, after which the server ends the connection.
    pub fn close(&mut self) {
        self.send(close(1000));
        self.expect(Expected::Close(1000));
        self.expect(Expected::End);
    }

    /// A frame that is cut off by what follows, or nothing.
    pub fn close_without_code(&mut self) {
        self.send(frame(true, CLOSE, &[]));
        self.expect(Expected::Close(0));
        self.expect(Expected::End);
    }

    /// All that it would send, in one.
    pub fn sent_bytes(&self) -> Vec<u8> {
        self.exchanges.iter().flat_map(|exchange| &exchange.send).copied().collect()
    }

    /// Requests that have to be answered by a refusal which counts as a bad request (ErrorIDs 1 to 4).
    pub fn bad_requests(&self) -> u64 {
        let expected = self.exchanges.iter().flat_map(|exchange| &exchange.expected);
        let bad = expected.filter(|expected| {
            matches!(expected, Expected::Packet { error_id: 1..=4, .. } | Expected::Close(4002))
        });
        bad.count() as u64
    }
}
