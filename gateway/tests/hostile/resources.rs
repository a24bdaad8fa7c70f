//! Clients that want more than their share: of memory, descriptors, or turns.

use std::io::Write as _;

use crate::common::{Client, Frame, UPGRADE, frame, join, packet};
use crate::stage::{Case, ECHO, Random, SERVE, Setup, Stage, play, slow};
use sysconn::frame::Opcode;

#[test]
fn resources() {
    play(CASES);
}

/// Writes until the server has stopped reading for a while, or `most` bytes are written. Returns the number
/// of bytes.
fn flood(stage: &Stage, client: &mut Client, unit: &[u8], most: usize) -> usize {
    client.stream.set_nonblocking(true).unwrap();
    let (mut sent, mut stalled) = (0, 0);
    while sent < most && stalled < 50 {
        match client.stream.write(&unit[sent % unit.len()..]) {
            Ok(written) => (sent, stalled) = (sent + written, 0),
            Err(_) => {
                stalled += 1;
                stage.witness();
            }
        }
    }
    client.stream.set_nonblocking(false).unwrap();
    sent
}

/// Sends any bytes, ignores errors, and drops the connection.
fn throw(mut client: Client, bytes: &[u8]) {
    let _ = client.stream.write_all(bytes);
}

/// The frames of a normal session.
fn session() -> Vec<Vec<u8>> {
    let mut frames: Vec<_> = (0..6).map(|flag| packet(1101, flag, &[7; 40])).collect();
    frames.push(frame(Opcode::Ping, b"ping"));
    frames.push(packet(1104, 1, &20u16.to_be_bytes()));
    frames.push(packet(1105, 1, b"\0\0\0\x01later"));
    frames.push(frame(Opcode::Close, &1000u16.to_be_bytes()));
    frames
}

pub(crate) const CASES: &[Case] = &[
    Case::new("rs-01", SERVE, |stage| {
        let mut greedy = slow(stage.program.address());
        let request = packet(1101, 1, &[7; 60_000]);
        let mut sent = 0;
        let grown = stage.grown(|| sent = flood(stage, &mut greedy, &request, 64 << 20));
        assert!(sent < 64 << 20, "the server takes no end of requests");
        assert!(grown <= 8 << 20, "{grown} bytes for {sent}");
        stage.sleeps();
    }),
    Case::new("rs-03", ECHO, |stage| {
        let mut client = stage.client();
        let mut writer = client.stream.try_clone().unwrap();
        let pings: Vec<u8> =
            (0..20_000u32).flat_map(|number| frame(Opcode::Ping, &number.to_be_bytes())).collect();
        let sending = std::thread::spawn(move || writer.write_all(&pings));
        let mut last = None;
        while last != Some(19_999) {
            let Frame::Pong(payload) = client.next() else { panic!("no Pong") };
            let number = u32::from_be_bytes(payload.try_into().unwrap());
            assert!(last < Some(number), "{number} after {last:?}");
            last = Some(number);
        }
        sending.join().unwrap().unwrap();
    }),
    Case::new("rs-04", SERVE, |stage| {
        let cycles = |count: usize| {
            for round in 0..count {
                let mut client = stage.client();
                client.echo(b"cycle");
                match round % 3 {
                    0 => client.close(),
                    1 => drop(client),
                    _ => Client::reset(client),
                }
            }
        };
        cycles(150);
        let grown = stage.grown(|| cycles(1350));
        assert!(grown < 1 << 20, "{grown}");
    }),
    Case::new("rs-05", SERVE, |stage| (0..300).for_each(|_| Client::reset(stage.raw()))),
    Case::new("rs-06", SERVE, |stage| {
        let clients: Vec<_> = (0..300).map(|_| stage.client()).collect();
        drop(clients);
        stage.witness();
    }),
    Case::new("rs-10", SERVE, |stage| {
        // All of them are in the backlog at once; the connected client is served in between.
        let clients: Vec<_> = (0..600).map(|_| stage.raw()).collect();
        stage.witness();
        drop(clients);
    }),
    Case::new("rs-16", SERVE, |stage| {
        let mut random = Random(16);
        for _ in 0..200 {
            let len = random.below(600);
            throw(stage.client(), &random.bytes(len));
        }
    }),
    Case::new("rs-17", SERVE, |stage| {
        let mut random = Random(17);
        for round in 0..200 {
            let len = random.below(600);
            let bytes = if round % 4 == 0 { vec![0; len] } else { random.bytes(len) };
            throw(stage.raw(), &bytes);
        }
    }),
    Case::new("rs-18", SERVE, |stage| {
        let mut random = Random(18);
        for round in 0..300 {
            let mut frames = session();
            if round % 3 == 0 {
                let (from, to) = (random.below(frames.len()), random.below(frames.len()));
                let again = frames[from].clone();
                frames.insert(to, again);
            }
            let mut bytes = join(&[UPGRADE, &frames.concat()]);
            match round % 3 {
                1 => bytes.truncate(random.below(bytes.len())),
                _ => {
                    for _ in 0..=random.below(3) {
                        let at = random.below(bytes.len());
                        bytes[at] ^= 1 << random.below(8);
                    }
                }
            }
            throw(stage.raw(), &bytes);
        }
    }),
    Case::new("x-30", SERVE, |stage| {
        // Input behind a request with a pending reply waits in the kernel, not in the server's memory.
        let mut client = stage.client();
        client.send(&packet(1105, 1, b"\0\0\x27\x10later"));
        let grown = stage.grown(|| {
            let sent = flood(stage, &mut client, &packet(1101, 2, &[7; 1000]), 64 << 20);
            assert!(sent < 64 << 20, "the server takes no end of requests");
        });
        assert!(grown <= 2 << 20, "{grown}");
        stage.sleeps();
        // One that only ended its side would still get its replies, 10 s later.
        client.reset();
    }),
    Case::new("x-31", Setup::Serve(&["--max-connections-per-ip", "20"]), |stage| {
        // One address gets its share and no more, however often it asks.
        let mut inside: Vec<_> = (0..19).map(|_| stage.client()).collect();
        for _ in 0..50 {
            stage.refuses("too many", UPGRADE, &[429]);
        }
        inside.iter_mut().for_each(|client| client.echo(b"inside"));
        inside.clear();
        stage.has_given_back("they have gone");
    }),
    Case::new("x-32", Setup::Serve(&["--max-packets-per-second", "2000"]), |stage| {
        // A flood of minimal packets above the rate: each is refused, and no other client is affected.
        let mut client = stage.client();
        client.send(&packet(1101, 1, b"").repeat(20_000));
        let refused = (0..20_000).filter(|_| client.reply().error_id == 5).count();
        assert!(refused > 10_000, "{refused}");
    }),
    Case::new("x-33", SERVE, |stage| {
        // A thousand half requests, and a thousand half frames, hold little.
        let mut clients = vec![];
        let grown = stage.grown(|| {
            for _ in 0..500 {
                let mut client = stage.raw();
                client.send(&UPGRADE[..UPGRADE.len() - 1]);
                clients.push(client);
                let mut client = stage.client();
                // 512 KiB are announced.
                client.send(&[0x82, 0xff, 0, 0, 0, 0, 0, 8, 0, 0, 1, 2, 3, 4, 5]);
                clients.push(client);
            }
        });
        assert!(grown < 1000 * 4096, "{grown}");
        clients.into_iter().for_each(drop);
    }),
];
