//! Many clients with random requests on a network with faults: nothing is lost, and nothing stays open.

use std::time::Duration;

use sysconn::packet::Reply;
use sysconn::sim::{Buffers, Client, Fault, Faults, Injected, Ledger, Network, StreamState};
use sysconn::{Config, Peer, Turn};

use crate::common::{UPGRADE, packet, with};
use crate::{STEP, server};

/// A client that sends requests and receives replies.
struct Requester {
    stream: Client,
    to_send: Vec<u8>,
    received: Vec<u8>,
    state: StreamState,
}

/// The results of a run.
struct Outcome {
    received: Vec<Vec<u8>>,
    ledger: Ledger,
    injected: Injected,
    turns: u64,
    end: Duration,
}

/// The upgrade request, and `count` echo requests of all sizes.
fn requests(network: &Network, count: u32) -> Vec<u8> {
    let mut random = network.random();
    let mut bytes = UPGRADE.to_vec();
    for flag in 1..=count {
        let most = if random.chance(0.1) { 20_000 } else { 200 };
        let mut data = vec![0; random.index(most)];
        random.fill(&mut data);
        bytes.extend(packet(1101, flag, &data));
    }
    bytes
}

/// Runs clients with 20 requests each until all are answered and the server has drained.
fn run(seed: u64, faults: Faults, clients: u16, buffers: Buffers) -> Outcome {
    let network = Network::new(seed);
    network.set_buffers(buffers);
    let config = with(Config::default(), |config| config.drain.timeout = Some(Duration::from_secs(60)));
    let (mut reactor, _seen) = server(&network, &config);
    network.set_faults(faults);
    let mut clients: Vec<_> = (0..clients)
        .map(|port| Requester {
            stream: network.connect(Peer::Ip([10, 0, 0, 1].into(), 1024 + port)).unwrap(),
            to_send: requests(&network, 20),
            received: vec![],
            state: StreamState::Open,
        })
        .collect();
    let mut random = network.random();
    let mut turns = 0;
    let mut drains = false;
    loop {
        for client in &mut clients {
            let piece = client.to_send.len().min(1 + random.index(5000));
            let taken = client.stream.send(&client.to_send[..piece]);
            client.to_send.drain(..taken);
            client.state = client.stream.receive(&mut client.received);
            if client.state != StreamState::Open {
                client.stream.finish();
            }
        }
        let all_answered = clients.iter().all(|client| replies(&client.received).len() == 20);
        if all_answered && !drains {
            drains = true;
            reactor.handle().drain();
        }
        turns += 1;
        if reactor.turn(Some(STEP)).unwrap() == Turn::Drained {
            break;
        }
        let activity = network.take_activity();
        assert!(activity.accepts <= if drains { 64 } else { 16 });
        assert!(network.now() < Duration::from_secs(50), "seed {seed} does not end");
    }
    drop(reactor);
    for client in &mut clients {
        client.state = client.stream.receive(&mut client.received);
        assert_ne!(client.state, StreamState::Open, "seed {seed}");
    }
    Outcome {
        received: clients.into_iter().map(|client| client.received).collect(),
        ledger: network.ledger(),
        injected: network.injected(),
        turns,
        end: network.now(),
    }
}

/// The first byte and the payload of each whole frame, after the 101 if that is among the bytes.
pub(crate) fn frames(bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").map_or(0, |at| at + 4);
    let mut rest = &bytes[head..];
    let mut frames = vec![];
    while let [first, second, behind @ ..] = rest {
        let (len, behind) = match (second, behind) {
            (126, [a, b, behind @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), behind),
            (len @ 0..126, behind) => (usize::from(*len), behind),
            _ => break,
        };
        let Some((payload, behind)) = behind.split_at_checked(len) else { break };
        frames.push((*first, payload));
        rest = behind;
    }
    frames
}

/// The packets in the frames.
pub(crate) fn packets(bytes: &[u8]) -> Vec<Reply<'_>> {
    let messages = frames(bytes).into_iter().filter(|(first, _)| *first == 0x82);
    messages.map(|(_, payload)| Reply::parse(payload).unwrap()).collect()
}

/// The Flags of the packets that follow the 101.
pub(crate) fn replies(bytes: &[u8]) -> Vec<u32> {
    packets(bytes).iter().map(|packet| packet.flag).collect()
}

/// The Data of the packets.
pub(crate) fn data_of(bytes: &[u8]) -> Vec<&[u8]> {
    packets(bytes).iter().map(|packet| packet.data).collect()
}

#[test]
fn harmless_faults_lose_nothing() {
    let small = Buffers { client_send: 700, server_receive: 300, server_send: 500, client_receive: 400 };
    let mut sum = Injected::default();
    for seed in 0..8 {
        let buffers = if seed % 2 == 0 { Buffers::default() } else { small };
        // Each run has only one wake-up.
        let faults = Faults::harmless(0.1).with(Fault::Stall, 0.1).with(Fault::LateWake, 0.5);
        let outcome = run(seed, faults, 30, buffers);
        for received in &outcome.received {
            assert_eq!(replies(received), (1..=20).collect::<Vec<_>>(), "seed {seed}");
        }
        let Ledger { accepted, closed_twice, unasked_reads, unasked_writes, .. } = outcome.ledger;
        assert_eq!((accepted, outcome.ledger.open(), closed_twice), (30, 0, 0), "seed {seed}");
        assert_eq!((unasked_reads, unasked_writes), (0, 0), "seed {seed}");
        sum.add(&outcome.injected);
    }
    for fault in Fault::HARMLESS {
        assert!(sum.of(fault) > 0, "{fault:?} never happened");
    }
}

#[test]
fn the_same_seed_does_the_same() {
    let faults = Faults::harmless(0.05).with(Fault::Stall, 0.05).with(Fault::SlowReader, 0.2);
    let [one, same] = [7, 7].map(|seed| run(seed, faults, 20, Buffers::default()));
    assert_eq!((one.turns, one.end, one.ledger), (same.turns, same.end, same.ledger));
    assert_eq!(one.injected, same.injected);
    assert!(one.received == same.received);
    let other = run(8, faults, 20, Buffers::default());
    assert_ne!((one.turns, one.end), (other.turns, other.end));
}

#[test]
fn all_faults_together_leave_nothing_open() {
    let mut sum = Injected::default();
    for seed in 0..10 {
        let network = Network::new(seed);
        let (mut reactor, _seen) = server(&network, &Config::default());
        network.set_faults(Faults::all(0.05).with(Fault::LateWake, 0.5));
        let mut random = network.random();
        let mut clients = vec![];
        for _ in 0..300 {
            let port = random.between(1, 60_000) as u16;
            if let Ok(mut client) = network.connect(Peer::Ip([10, 0, 0, 2].into(), port)) {
                client.send(&requests(&network, 5));
                clients.push(client);
            }
            reactor.turn(Some(STEP)).unwrap();
            if random.chance(0.1) {
                // The waker is used too.
                reactor.handle().survey(|_| {}).unwrap();
            }
            if random.chance(0.3) && !clients.is_empty() {
                clients.swap_remove(random.index(clients.len()));
            }
        }
        drop(clients);
        reactor.handle().drain();
        while reactor.turn(Some(STEP)).unwrap() == Turn::Running {}
        drop(reactor);
        let ledger = network.ledger();
        assert_eq!((ledger.open(), ledger.closed_twice), (0, 0), "seed {seed}");
        assert_eq!((ledger.unasked_reads, ledger.unasked_writes), (0, 0), "seed {seed}");
        assert!(ledger.gone.read <= ledger.gone.sent && ledger.gone.received <= ledger.gone.written);
        sum.add(&network.injected());
    }
    for fault in Fault::ALL {
        assert!(sum.of(fault) > 0, "{fault:?} never happened: {sum}");
    }
}
