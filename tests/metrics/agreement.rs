//! Metrics agree with what clients have counted, to the packet, on one worker and on three.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};

use sysconn::frame::Opcode;
use sysconn::metrics::{Metrics, Snapshot, sum as sum_of};
use sysconn::{Config, Handle, Push, ServerHandle, Workers};

use super::common::{
    Client, Event, Game, PATIENCE, ROUTER, Reply, UPGRADE, config, eventually, frame, packet, part,
    upgrade_of, with,
};
use super::text::{samples, sum};

/// What clients have sent and received, by the labels of the metrics.
#[derive(Default)]
struct Counted {
    sent: BTreeMap<String, u64>,
    received: BTreeMap<(String, &'static str), u64>,
    refused: BTreeMap<(String, String), u64>,
    closed: BTreeMap<&'static str, u64>,
    accepted: u64,
}

/// The commands of the game's table that the clients use.
const COMMANDS: [u16; 10] = [1101, 1102, 1103, 1104, 1106, 1108, 1109, 1110, 1114, 1117];

fn label(cmd: u16) -> String {
    if COMMANDS.contains(&cmd) { cmd.to_string() } else { "unknown".to_owned() }
}

impl Counted {
    fn send(&mut self, client: &mut Client, cmd: u16, flag: u32, data: &[u8]) {
        client.send_packet(cmd, flag, data);
        *self.sent.entry(label(cmd)).or_default() += 1;
    }

    fn receive(&mut self, client: &mut Client) -> Reply {
        let reply = client.reply();
        let kind = match &reply {
            Reply { error_id: 0, flag: 0, .. } => "push",
            Reply { error_id: 0, .. } => "reply",
            _ => "refusal",
        };
        *self.received.entry((label(reply.cmd), kind)).or_default() += 1;
        if kind == "refusal" {
            let error = if reply.error_id < 8 { reply.error_id.to_string() } else { "other".to_owned() };
            *self.refused.entry((label(reply.cmd), error)).or_default() += 1;
        }
        reply
    }

    /// A client that is expected to end with this cause.
    fn connect(&mut self, address: SocketAddr, cause: &'static str) -> Client {
        self.accepted += 1;
        *self.closed.entry(cause).or_default() += 1;
        Client::connect(address)
    }
}

/// A server of this many workers, and what its game reports.
fn serve(config: &Config, workers: usize, test: impl FnOnce(SocketAddr, &ServerHandle, &Receiver<Event>)) {
    let (sender, events) = channel();
    let config = with(config.clone(), |config| config.workers = workers);
    let mut server = Workers::bind(&config, &ROUTER, |_| Game::new(sender.clone())).unwrap();
    let (address, handle) = (server.local_addr().unwrap(), server.handle());
    let thread = std::thread::spawn(move || server.run());
    test(address, &handle, &events);
    handle.drain();
    thread.join().unwrap().unwrap();
}

/// Requests that are answered, refused and not answered, and a push from another thread.
fn talk(address: SocketAddr, events: &Receiver<Event>, of: &mut Counted, number: u32) {
    let mut client = of.connect(address, "peer_closed");
    for round in 1..20 {
        of.send(&mut client, 1101, round, &vec![7; round as usize * 100]);
        of.send(&mut client, 1102, round, b"nothing comes back");
        of.receive(&mut client);
    }
    of.send(&mut client, 1104, 1, &5u16.to_be_bytes());
    (0..5).for_each(|_| drop(of.receive(&mut client)));
    for (cmd, error_id) in [(1103, 100), (1110, 3), (9999, 1)] {
        of.send(&mut client, cmd, 1, b"");
        assert_eq!(of.receive(&mut client).error_id, error_id);
    }
    // DataSize says one byte more than there is.
    let mut wrong = super::common::message(1101, 3, 0, b"four");
    wrong[1] += 1;
    client.send(&frame(Opcode::Binary, &wrong));
    *of.sent.entry(label(1101)).or_default() += 1;
    assert_eq!(of.receive(&mut client).error_id, 2);
    of.send(&mut client, 1114, number, b"");
    of.receive(&mut client);
    of.send(&mut client, 1110, 9, b"");
    of.receive(&mut client);
    of.send(&mut client, 1117, 1, b"");
    let handle = handle(events);
    for cmd in [1101, 7777] {
        handle.send(&Push::new(cmd, &[1; 300])).unwrap();
        assert_eq!(of.receive(&mut client).cmd, cmd);
    }
    client.close();
}

fn handle(events: &Receiver<Event>) -> Handle {
    loop {
        if let Event::Handle(handle) = events.recv_timeout(PATIENCE).unwrap() {
            return handle;
        }
    }
}

/// One connection for each way to end that a client can bring about.
fn end(address: SocketAddr, of: &mut Counted) {
    let mut client = of.connect(address, "handler_failed");
    of.send(&mut client, 1106, 1, b"");
    client.expect_close(1011, "a panic");
    let mut client = of.connect(address, "application");
    of.send(&mut client, 1108, 1, b"");
    client.expect_close(4100, "the application");
    let mut client = of.connect(address, "undecodable");
    of.send(&mut client, 1109, 1, b"");
    client.expect_close(4001, "undecodable");
    let mut client = of.connect(address, "short_packet");
    client.send(&frame(Opcode::Binary, b"short"));
    *of.sent.entry(label(0)).or_default() += 1;
    client.expect_close(4000, "a short packet");
    let mut client = of.connect(address, "bad_requests");
    for flag in 1..12 {
        of.send(&mut client, 9999, flag, b"");
    }
    (0..10).for_each(|_| drop(of.receive(&mut client)));
    client.expect_close(4002, "bad requests");
    let mut client = of.connect(address, "protocol");
    client.send(&part(true, Opcode::Continuation, b"of nothing"));
    client.expect_close(1002, "a violation");
    let mut client = of.connect(address, "not_binary");
    client.send(&frame(Opcode::Text, b"text"));
    client.expect_close(1003, "text");
    of.connect(address, "reset").reset();
    of.accepted += 1;
    *of.closed.entry("refused").or_default() += 1;
    let mut refused = Client::raw(address);
    refused.send(&upgrade_of("/refused", ""));
    assert_eq!(refused.read_refusal().0, 451);
}

fn agree(metrics: &Metrics, of: &Counted) {
    let seen = samples(metrics);
    let get = |name: String| seen.get(&name).copied().unwrap_or(0.0) as u64;
    for (cmd, count) in &of.sent {
        assert_eq!(get(format!("sysconn_packets_received_total{{cmd=\"{cmd}\"}}")), *count, "{cmd}");
    }
    assert_eq!(sum(&seen, "sysconn_packets_received_total") as u64, of.sent.values().sum::<u64>());
    for ((cmd, kind), count) in &of.received {
        let name = format!("sysconn_packets_sent_total{{cmd=\"{cmd}\",kind=\"{kind}\"}}");
        assert_eq!(get(name), *count, "{cmd} {kind}");
    }
    assert_eq!(sum(&seen, "sysconn_packets_sent_total") as u64, of.received.values().sum::<u64>());
    for ((cmd, error), count) in &of.refused {
        let name = format!("sysconn_refusals_total{{cmd=\"{cmd}\",error=\"{error}\"}}");
        assert_eq!(get(name), *count, "{cmd} {error}");
    }
    assert_eq!(sum(&seen, "sysconn_refusals_total") as u64, of.refused.values().sum::<u64>());
    for (cause, count) in &of.closed {
        assert_eq!(get(format!("sysconn_closed_total{{cause=\"{cause}\"}}")), *count, "{cause}");
    }
    assert_eq!(sum(&seen, "sysconn_accepted_total") as u64, of.accepted);
    assert_eq!(sum(&seen, "sysconn_closed_total") as u64, of.accepted);
    assert_eq!(sum(&seen, "sysconn_connections") as u64, 0);
    assert_eq!(get("sysconn_upgrades_refused_total{status=\"451\"}".to_owned()), 1);
    let handled = sum(&seen, "sysconn_handler_duration_seconds_count");
    assert_eq!(handled, sum(&seen, "sysconn_request_duration_seconds_count"));
}

/// The closes add up while connections are there.
fn adds_up(snapshot: &Snapshot) -> bool {
    let total = snapshot.total();
    sum_of(&total.accepted) == sum_of(&total.closed) + total.connections()
}

#[test]
fn metrics_agree_with_what_clients_have_counted() {
    let config = with(config(), |config| config.metrics = true);
    for workers in [1, 3] {
        serve(&config, workers, |address, handle, events| {
            let metrics = handle.metrics().unwrap();
            let mut counted = Counted::default();
            for number in 1..=6 {
                talk(address, events, &mut counted, number);
            }
            end(address, &mut counted);
            let all_gone = || metrics.snapshot().total().connections() == 0;
            let all_closed = || sum_of(&metrics.snapshot().total().closed) == counted.accepted;
            eventually("all connections end", || all_gone() && all_closed());
            agree(&metrics, &counted);
            let total = metrics.snapshot().total();
            assert_eq!(sum_of(&total.bad_requests), 6 * 3 + 11);
            assert_eq!(total.logins.first(), Some(&("accepted", 6)));
            assert_eq!(total.outbox_bytes + total.outbox_connections + total.reading_paused, 0);
            assert_eq!(sum_of(&total.send_errors), 0);
        });
    }
}

#[test]
fn connections_are_counted_by_state_and_kind() {
    let config = with(config(), |config| config.metrics = true);
    serve(&config, 3, |address, handle, _| {
        let metrics = handle.metrics().unwrap();
        let mut clients: Vec<_> = (0..9).map(|_| Client::connect(address)).collect();
        let raw: Vec<_> = (0..4).map(|_| Client::raw(address)).collect();
        let open = || {
            let total = metrics.snapshot().total();
            let of = |wanted| total.connections.iter().filter(move |(state, ..)| *state == wanted);
            let sum = |wanted| of(wanted).map(|(_, _, count)| *count).sum::<u64>();
            (sum("upgrading"), sum("open"), sum("closing"))
        };
        eventually("all are counted", || open() == (4, 9, 0));
        assert!(adds_up(&metrics.snapshot()));
        // A client that does not answer the Close is closing for a while.
        clients[0].answers_close = false;
        clients[0].send(&packet(1108, 1, b""));
        eventually("one is closing", || open() == (4, 8, 1));
        drop(raw);
        clients.truncate(5);
        eventually("most are gone", || open().0 == 0 && open().1 == 4 && adds_up(&metrics.snapshot()));
    });
}

/// Bytes are counted where clients see them, and the outbox while a client reads nothing.
#[test]
fn bytes_and_outboxes_are_counted() {
    let config = with(config(), |config| {
        config.metrics = true;
        config.output.outbox_limit = Some(64 << 20);
    });
    serve(&config, 1, |address, handle, _| {
        let metrics = handle.metrics().unwrap();
        let mut client = Client::connect(address);
        client.echo(b"hello");
        let total = metrics.snapshot().total();
        let (sent, received) = (UPGRADE.len() + packet(1101, 0, b"hello").len(), &total.bytes_received);
        assert_eq!(received[..2], [("socket", sent as u64), ("plaintext", sent as u64)]);
        assert_eq!(received[2], ("payload", 9 + 5));
        assert_eq!(total.bytes_sent[2], ("payload", 11 + 5));

        let large = vec![1; 60_000];
        for flag in 0..1000 {
            client.send_packet(1101, flag, &large);
            if metrics.snapshot().total().outbox_bytes > 1 << 20 {
                break;
            }
        }
        eventually("output waits", || metrics.snapshot().total().outbox_connections == 1);
        drop(client);
        eventually("nothing is left", || {
            let total = metrics.snapshot().total();
            (total.outbox_bytes, total.outbox_connections, total.connections()) == (0, 0, 0)
        });
    });
}
