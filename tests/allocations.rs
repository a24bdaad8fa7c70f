//! A packet costs no allocation in steady state: a counting allocator watches the reactor's thread while
//! 10⁶ packets pass it on real sockets, in every size class, and on every path but the deferred one.
//!
//! The test turns the reactor by hand, and counts within turns only. Run with `--nocapture` it shows
//! what was counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use common::{Client, UPGRADE, config, eventually, frame, join, message, packet, part, zlib_stored};
use sysconn::frame::{self, Opcode};
use sysconn::packet::{Decode, ErrorId, Reply, Undecodable, push_packet};
use sysconn::{
    Access, Application, Config, ConnectionId, Context, Identity, Login, Message, Module, Outcome, Push,
    Reactor, Request, Route, Router, Service, typed,
};

/// Clients that send at the same time.
const CLIENTS: usize = 4;
/// Bytes that a case moves at least in each direction, and packets that it moves at most.
const CASE_BYTES: usize = 8 << 20;
const CASE_PACKETS: usize = 30_000;
/// Bad requests that are answered on one connection.
const MAX_BAD_REQUESTS: usize = 10;
/// Bytes that a client has under way at most, but for one longer message: the system takes as many at once,
/// so that no reply has to wait for its socket.
const BATCH_BYTES: usize = 256 * 1024;
/// The same for pushes: several in one turn that come to more leave by way of the outbox.
const PUSH_BYTES: usize = 12 * 1024;
/// Packets that a client has under way at most: one turn handles as many, an effect or the fragments of each
/// included.
const BATCH_PACKETS: usize = 100;
/// Packets of one client that one turn handles at most.
const TURN_PACKETS: usize = 512;

const ECHO: u16 = 1101;
const SINK: u16 = 1102;
const REFUSE: u16 = 1103;
const TYPED: u16 = 1104;
const PUSH: u16 = 1105;
const EFFECT: u16 = 1106;
const LOGIN: u16 = 1107;
const ROLE: u16 = 1108;
const MONITOR: u16 = 1109;
const SEND: u16 = 1110;
const UNKNOWN: u16 = 1199;
const FLAG: u32 = 7;
/// How a handler refuses: in the same words as whoever sends too much is refused.
const REFUSED: ErrorId = ErrorId::TOO_MANY_REQUESTS;
/// Bytes in front of Data within a message from the client.
const HEADER_BYTES: usize = 9;

#[derive(Default)]
struct Game {
    /// Who is there, in the order of coming.
    ids: Vec<ConnectionId>,
    /// What is pushed, encoded once: one of each length.
    pushes: Vec<Push>,
}

impl Application for Game {
    fn opened(&mut self, context: &mut Context<'_>) {
        self.ids.push(context.id());
    }
}

/// Data of a typed route that decodes without allocating: its length.
struct Length(u64);

impl Decode for Length {
    fn decode(data: &[u8]) -> Result<Self, Undecodable> {
        Ok(Length(data.len() as u64))
    }
}

fn length(_: &mut Game, Length(bytes): Length, context: &mut Context<'_>) -> Outcome {
    context.reply(&bytes.to_be_bytes())
}

/// Pushes to the client that came next after this one, so that each gets as many as it asks for.
fn send(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let at = game.ids.iter().position(|&id| id == context.id()).unwrap();
    let to = game.ids[(at + 1) % game.ids.len()];
    context.send_to(to, game.pushes[usize::from(request.data()[0])].clone());
    Outcome::Done
}

static MODULE: Module<Game> = Module::new(
    11,
    "game",
    [
        Route::new(ECHO, "echo", Access::Anyone, |_, request, context| context.reply(request.data())),
        Route::new(SINK, "sink", Access::Anyone, |_, _, _| Outcome::Done),
        Route::new(REFUSE, "refuse", Access::Anyone, |_, _, _| Outcome::Refuse(REFUSED)),
        Route::new(TYPED, "typed", Access::Anyone, typed!(length)),
        Route::new(PUSH, "push", Access::Anyone, |_, request, context| {
            context.push(PUSH, request.data()).unwrap();
            Outcome::Done
        }),
        Route::new(SEND, "send", Access::Anyone, send),
        Route::new(EFFECT, "effect", Access::Anyone, |_, _, context| {
            let id = context.id();
            context.effects().set_debug(id, false);
            Outcome::Done
        }),
        Route::new(LOGIN, "login", Access::Anyone, |_, _, context| {
            let identity = Identity { role_id: context.id().to_u64() | 1, ..Identity::default() };
            context.login(Login { identity, ..Login::default() }).unwrap();
            Outcome::Done
        }),
        Route::new(ROLE, "role", Access::Role, |_, _, _| Outcome::Done),
        Route::new(MONITOR, "monitor", Access::Monitor, |_, _, _| Outcome::Done),
    ],
);
static ROUTER: Router<Game> = Router::new([&MODULE]);

fn echo(_: &mut Game, message: Message<'_>, context: &mut Context<'_>) -> Outcome {
    context.send_message(message.kind, message.payload).unwrap();
    Outcome::Done
}

/// How the frames of a case reach the server.
#[derive(Clone, Copy, Debug)]
enum Arrival {
    /// So many bytes at once.
    Pipelined(usize),
    /// Each in so many pieces, with a turn of the reactor after each of them.
    InPieces(usize),
}

/// What a client sends again and again, and what it gets each time.
struct Case {
    name: String,
    arrival: Arrival,
    request: Vec<u8>,
    reply: Vec<u8>,
    /// Packets in the request.
    packets: usize,
}

impl Case {
    fn new(name: &str, request: Vec<u8>, reply: Vec<u8>) -> Self {
        Case { name: name.into(), arrival: Arrival::Pipelined(BATCH_BYTES), request, reply, packets: 1 }
    }

    fn longest(&self) -> usize {
        self.request.len().max(self.reply.len())
    }

    /// Times that the case is carried out.
    fn rounds(&self) -> usize {
        let fastest = match self.arrival {
            Arrival::Pipelined(_) => CASE_PACKETS,
            Arrival::InPieces(_) => CASE_PACKETS / 10,
        };
        (CASE_BYTES / self.longest()).clamp(CLIENTS, fastest)
    }
}

/// A reply, or a refusal, in the frame that it leaves in.
fn reply(error_id: ErrorId, flag: u32, cmd: u16, data: &[u8]) -> Vec<u8> {
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

/// A client whose socket never blocks.
struct Peer {
    client: Client,
    /// Bytes that are to be sent, and were.
    sent: usize,
    /// Bytes that are to come, and have.
    received: usize,
}

/// A reactor and its clients, on one thread.
struct Stage {
    reactor: Reactor<Game>,
    address: SocketAddr,
    peers: Vec<Peer>,
    /// What was allocated within turns.
    counted: AllocationInfo,
    scratch: Vec<u8>,
}

impl Stage {
    fn new(change: impl FnOnce(&mut Config), service: impl Into<Service<Game>>) -> Self {
        let mut config = Config { housekeeping: Duration::ZERO, turn_time: Duration::ZERO, ..config() };
        change(&mut config);
        let reactor = Reactor::bind(&config, service, Game::default()).unwrap();
        let address = reactor.local_addr().unwrap();
        let scratch = vec![0; 1 << 20];
        let mut stage =
            Stage { reactor, address, peers: vec![], counted: AllocationInfo::default(), scratch };
        stage.connect(CLIENTS);
        assert!(stage.counted.count_total > 0, "clients that come in are counted, so the counter works");
        stage
    }

    /// Takes so many new clients in place of those that there are.
    fn connect(&mut self, count: usize) {
        self.peers.clear();
        let clients: Vec<_> = (0..count).map(|_| Client::raw(self.address)).collect();
        for mut client in clients {
            client.send(UPGRADE);
            client.stream.set_nonblocking(true).unwrap();
            eventually("the upgrade", || {
                self.turn();
                client.stream.peek(&mut [0]).is_ok()
            });
            client.read_upgraded();
            self.peers.push(Peer { client, sent: 0, received: 0 });
        }
    }

    fn turn(&mut self) {
        let reactor = &mut self.reactor;
        let counted = measure(|| {
            reactor.turn(Some(Duration::ZERO)).unwrap();
        });
        self.counted += counted;
    }

    /// Has each client send the bytes, in pieces of at most `step`, and get exactly the replies.
    fn exchange(&mut self, requests: &[u8], replies: &[u8], step: usize) {
        for peer in &mut self.peers {
            (peer.sent, peer.received) = (0, 0);
        }
        eventually("the replies", || {
            for peer in &mut self.peers {
                let rest = &requests[peer.sent..];
                peer.sent += now(peer.client.stream.write(&rest[..rest.len().min(step)]));
            }
            self.turn();
            let mut busy = false;
            for peer in &mut self.peers {
                let came = now(peer.client.stream.read(&mut self.scratch));
                let expected = replies.get(peer.received..peer.received + came);
                assert!(expected == Some(&self.scratch[..came]), "other bytes than expected");
                peer.received += came;
                busy |= peer.sent < requests.len() || peer.received < replies.len();
            }
            !busy
        });
    }

    /// Carries a case out, `rounds` times in all. How many packets that were.
    fn run(&mut self, case: &Case, rounds: usize) -> usize {
        let batch = match case.arrival {
            Arrival::Pipelined(bytes) => (bytes / case.longest()).clamp(1, BATCH_PACKETS),
            Arrival::InPieces(_) => 1,
        };
        let step = match case.arrival {
            Arrival::Pipelined(_) => usize::MAX,
            Arrival::InPieces(count) => case.request.len().div_ceil(count),
        };
        let (requests, replies) = (case.request.repeat(batch), case.reply.repeat(batch));
        let batches = rounds.div_ceil(batch * self.peers.len());
        for _ in 0..batches {
            self.exchange(&requests, &replies, step);
        }
        // Requests without a reply are handled too.
        self.settle();
        batches * batch * self.peers.len() * case.packets
    }

    /// Sees to it that all that was sent has been handled: each client gets its Pong.
    fn settle(&mut self) {
        let mut pong = vec![];
        frame::push_frame(&mut pong, Opcode::Pong, b"");
        self.exchange(&frame(Opcode::Ping, b""), &pong, usize::MAX);
    }

    /// Carries all cases out twice: once for all buffers to reach their sizes, and once to count. How many
    /// packets the second time brought.
    fn watch(&mut self, cases: &[Case]) -> usize {
        // More than a turn handles, for the lists of those with work left.
        let flood = |bytes: &[u8]| bytes.repeat(4 * TURN_PACKETS);
        self.exchange(&flood(&cases[0].request), &flood(&cases[0].reply), usize::MAX);
        for case in cases {
            self.run(case, (case.rounds() / 10).max(2 * CLIENTS));
        }
        let (mut total, mut faults) = (0, vec![]);
        for case in cases {
            self.counted = AllocationInfo::default();
            let packets = self.run(case, case.rounds());
            total += packets;
            let Case { name, arrival, request, .. } = case;
            let line = format!("{name}, {} bytes, {arrival:?}: {packets} packets", request.len());
            println!("{line}: {} allocations", self.counted.count_total);
            if (self.counted.count_total, self.counted.count_current) != (0, 0) {
                faults.push(format!("{line}: {:?}", self.counted));
            }
        }
        println!("{total} packets");
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        total
    }
}

/// What a call on a socket that does not block has done at once.
fn now(result: std::io::Result<usize>) -> usize {
    match result {
        Ok(len) => len,
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        Err(error) => panic!("{error}"),
    }
}

/// Lengths of Data with which a message is of each class that frames tell apart, both of its ends included.
fn lengths() -> impl Iterator<Item = usize> {
    [9, 10, 125, 126, 1000, 16_384, 65_535, 65_536, 200_000, 524_288]
        .map(|len| len - HEADER_BYTES)
        .into_iter()
}

/// The handled packets of one length of Data: each outcome, each way to arrive.
fn handled(len: usize) -> Vec<Case> {
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
fn controls() -> Vec<Case> {
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

#[test]
fn packets_that_are_handled() {
    let mut stage = Stage::new(|_| {}, &ROUTER);
    let mut cases: Vec<_> = lengths().flat_map(handled).collect();
    cases.extend(controls());
    for len in [0, 100, 60_000] {
        let data = vec![5; len];
        let request = frame(Opcode::Binary, &message(ECHO, FLAG, 1, &zlib_stored(&data)));
        cases.push(Case::new("reply to compressed Data", request, reply(ErrorId::NONE, FLAG, ECHO, &data)));
    }
    for (index, len) in lengths().enumerate() {
        let data = vec![3; len];
        stage.reactor.state_mut().pushes.push(Push::new(PUSH, &data));
        let request = packet(SEND, FLAG, &[index as u8]);
        let push = reply(ErrorId::NONE, 0, PUSH, &data);
        cases.push(Case {
            arrival: Arrival::Pipelined(PUSH_BYTES),
            ..Case::new("push to another", request, push)
        });
    }
    let packets = stage.watch(&cases);
    assert!(packets >= 1_000_000, "{packets}");
}

#[test]
fn messages_without_packets() {
    let mut stage = Stage::new(|_| {}, Service::Messages(echo));
    let case = |len: usize| {
        let payload = vec![b'a'; len];
        let mut reply = vec![];
        frame::push_frame(&mut reply, Opcode::Text, &payload);
        Case::new("text", frame(Opcode::Text, &payload), reply)
    };
    stage.watch(&[0, 1, 125, 126, 65_535, 65_536, 524_288].map(case));
}

#[test]
fn packets_above_the_rate() {
    // A handler refuses the few that come in time, in the same words.
    let mut stage = Stage::new(|config| config.max_packets_per_second = 1, &ROUTER);
    let refused = |len: &usize| {
        let request = packet(REFUSE, FLAG, &vec![0; *len]);
        Case::new("above the rate", request, reply(REFUSED, FLAG, REFUSE, b""))
    };
    stage.watch(&[0, 100, 10_000].each_ref().map(refused));
}

#[test]
fn a_flood_costs_allocations_by_the_turn_only() {
    // What is left of a read when the client's share of the turn is used up has to wait, and is kept.
    let mut stage = Stage::new(|_| {}, &ROUTER);
    let count = 40 * TURN_PACKETS;
    let (request, reply) = (packet(ECHO, FLAG, b""), reply(ErrorId::NONE, FLAG, ECHO, b""));
    let (requests, replies) = (request.repeat(count), reply.repeat(count));
    stage.peers.truncate(1);
    stage.exchange(&requests, &replies, usize::MAX);
    stage.counted = AllocationInfo::default();
    stage.exchange(&requests, &replies, usize::MAX);
    println!("{count} packets at once: {:?}", stage.counted);
    assert!(stage.counted.count_total <= 2 * 40, "{:?}", stage.counted);
}

#[test]
fn bad_requests() {
    let mut stage = Stage::new(|_| {}, &ROUTER);
    // DataSize, the first two bytes of the message, says 9 and not 4.
    let mut mismatch = message(ECHO, FLAG, 0, b"data");
    mismatch[1] = 9;
    let cases = [
        ("unknown command", packet(UNKNOWN, FLAG, b""), reply(ErrorId::UNKNOWN_COMMAND, FLAG, UNKNOWN, b"")),
        ("DataSize", frame(Opcode::Binary, &mismatch), reply(ErrorId::BAD_PACKET, FLAG, ECHO, b"")),
        ("not logged in", packet(ROLE, FLAG, b""), reply(ErrorId::NOT_LOGGED_IN, FLAG, ROLE, b"")),
        ("not allowed", packet(MONITOR, FLAG, b""), reply(ErrorId::NOT_ALLOWED, FLAG, MONITOR, b"")),
    ];
    // No more of them are answered on one connection, so there are many connections.
    for (name, request, reply) in &cases {
        stage.connect(200);
        if *name == "not allowed" {
            stage.exchange(&packet(LOGIN, FLAG, b""), b"", usize::MAX);
        }
        stage.exchange(request, reply, usize::MAX);
        stage.counted = AllocationInfo::default();
        for _ in 0..MAX_BAD_REQUESTS - 1 {
            stage.exchange(request, reply, usize::MAX);
        }
        assert_eq!((stage.counted.count_total, stage.counted.count_current), (0, 0), "{name}");
    }
}
