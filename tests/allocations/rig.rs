//! A reactor and its clients on one thread, and a counter of what it allocates within turns.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use sysconn::frame::Opcode;
use sysconn::{Config, Reactor, Service, frame};

use crate::common::{Client, UPGRADE, config, eventually, frame, with};
use crate::game::Game;

/// Clients that send at the same time.
pub(crate) const CLIENTS: usize = 4;

/// Bytes that a case moves at least in each direction, and packets that it moves at most.
pub(crate) const CASE_BYTES: usize = 8 << 20;

pub(crate) const CASE_PACKETS: usize = 30_000;

/// The most bytes that a client has in flight, except for one longer message: the system takes this many at
/// once, so that no reply has to wait for its socket.
pub(crate) const BATCH_BYTES: usize = 256 * 1024;

/// The most packets that a client has in flight: one turn handles this many, including an effect or the
/// fragments of each.
pub(crate) const BATCH_PACKETS: usize = 100;

/// Packets of one client that one turn handles at most.
pub(crate) const TURN_PACKETS: usize = 512;

/// How the frames of a case reach the server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arrival {
    /// This many bytes at once.
    Pipelined(usize),
    /// Each in this many pieces, with a turn of the reactor after each piece.
    InPieces(usize),
}

/// A request that a client repeats, and the replies to it.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) arrival: Arrival,
    pub(crate) request: Vec<u8>,
    pub(crate) reply: Vec<u8>,
    /// Packets in the request.
    pub(crate) packets: usize,
}

impl Case {
    pub(crate) fn new(name: &str, request: Vec<u8>, reply: Vec<u8>) -> Self {
        Case { name: name.into(), arrival: Arrival::Pipelined(BATCH_BYTES), request, reply, packets: 1 }
    }

    pub(crate) fn longest(&self) -> usize {
        self.request.len().max(self.reply.len())
    }

    /// Times that the case is carried out.
    pub(crate) fn rounds(&self) -> usize {
        let fastest = match self.arrival {
            Arrival::Pipelined(_) => CASE_PACKETS,
            Arrival::InPieces(_) => CASE_PACKETS / 10,
        };
        (CASE_BYTES / self.longest()).clamp(CLIENTS, fastest)
    }
}

/// A client whose socket never blocks.
pub(crate) struct Peer {
    client: Client,
    /// The bytes to send, and the number sent.
    sent: usize,
    /// The number of bytes to receive, and the number received.
    received: usize,
}

/// A reactor and its clients, on one thread.
pub(crate) struct Rig {
    pub(crate) reactor: Reactor<Game>,
    address: SocketAddr,
    pub(crate) peers: Vec<Peer>,
    /// The allocations within turns.
    pub(crate) counted: AllocationInfo,
    scratch: Vec<u8>,
}

impl Rig {
    pub(crate) fn new(change: impl FnOnce(&mut Config), service: impl Into<Service<Game>>) -> Self {
        let mut config = with(config(), |config| {
            config.timers.housekeeping = None;
            config.reactor.turn_time = None;
        });
        change(&mut config);
        let reactor = Reactor::bind(&config, service, Game::default()).unwrap();
        let address = reactor.local_addr().unwrap();
        let scratch = vec![0; 1 << 20];
        let mut rig = Rig { reactor, address, peers: vec![], counted: AllocationInfo::default(), scratch };
        rig.connect(CLIENTS);
        assert!(rig.counted.count_total > 0, "clients that come in are counted, so the counter works");
        rig
    }

    /// Replaces the clients by `count` new ones.
    pub(crate) fn connect(&mut self, count: usize) {
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

    pub(crate) fn turn(&mut self) {
        let reactor = &mut self.reactor;
        let counted = measure(|| {
            reactor.turn(Some(Duration::ZERO)).unwrap();
        });
        self.counted += counted;
    }

    /// Has each client send the bytes, in pieces of at most `step`, and get exactly the replies.
    pub(crate) fn exchange(&mut self, requests: &[u8], replies: &[u8], step: usize) {
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

    /// Runs a case `rounds` times. Returns the number of packets.
    pub(crate) fn run(&mut self, case: &Case, rounds: usize) -> usize {
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

    /// Makes sure that all input has been handled: each client gets its Pong.
    pub(crate) fn settle(&mut self) {
        let mut pong = vec![];
        frame::push_frame(&mut pong, Opcode::Pong, b"");
        self.exchange(&frame(Opcode::Ping, b""), &pong, usize::MAX);
    }

    /// Runs all cases twice: once for all buffers to reach their sizes, and once to count. Returns the number
    /// of packets of the second run.
    pub(crate) fn watch(&mut self, cases: &[Case]) -> usize {
        // More than a turn handles, for the lists of connections with work left.
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

/// The result of a call on a non-blocking socket.
pub(crate) fn now(result: std::io::Result<usize>) -> usize {
    match result {
        Ok(len) => len,
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        Err(error) => panic!("{error}"),
    }
}
