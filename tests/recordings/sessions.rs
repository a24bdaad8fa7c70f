//! Sessions of all kinds: actions of handlers, actions of others on a connection, timers, and slow readers.

use sysconn::config::{DeflateMode, Overflow};
use sysconn::frame::{CloseCode, Opcode};
use sysconn::packet::ErrorId;
use sysconn::replay::End;
use sysconn::{Config, Push, Record};

use crate::common::*;
use crate::recorded::{Directory, check, handle_of, record, record_any, replay, send_session, shown};
use crate::secrets::contains_unmasked;

#[test]
fn a_session_with_every_outcome_is_replayed() {
    let file = record(
        |_| {},
        |server| {
            let mut client = Client::connect(server.address);
            client.echo(b"hello");
            client.send_packet(1102, 1, b"to the sink");
            client.send_packet(1103, 2, b"");
            assert_eq!(client.reply(), Reply::refusal(1103, 2, 100));
            client.send_packet(1104, 3, &[0, 20]);
            (0..20).for_each(|_| assert_eq!(client.reply().flag, 3));
            client.send_packet(1110, 4, b"");
            assert_eq!(client.reply(), Reply::refusal(1110, 4, ErrorId::NOT_LOGGED_IN.0));
            client.send_packet(1114, 5, b"");
            client.reply();
            client.send_packet(1110, 6, b"");
            assert_eq!(client.reply(), Reply::new(1110, 6, b"a role"));
            client.send_packet(1105, 7, b"later");
            client.send(&frame(Opcode::Ping, b"does not wait"));
            assert_eq!(client.next(), Frame::Pong(b"does not wait".to_vec()));
            client.send_packet(1101, 8, b"waits");
            server.ticket().reply(b"at last".to_vec());
            assert_eq!(client.reply(), Reply::new(1105, 7, b"at last"));
            client.reply();
            client.send_packet(9999, 9, b"");
            assert_eq!(client.reply(), Reply::refusal(9999, 9, ErrorId::UNKNOWN_COMMAND.0));
            client.close();
        },
    );
    let replay = check(&file, "every outcome");
    assert_eq!(replay.packets, 10);
}

#[test]
fn ends_of_all_kinds_are_replayed() {
    let close = |payload: &[u8]| frame(Opcode::Close, payload);
    let message = frame(Opcode::Binary, &[7; 300_000]);
    // The client's input after the server's Close, whether the client then waits for the server's end, and
    // the recorded part of the input.
    let cases: [(&str, Vec<u8>, bool, &str); 5] = [
        ("an answer", close(b"\x0f\xa0"), true, "the client's Close, behind the server's"),
        ("none", vec![], true, "bytes without an acknowledgement"),
        ("an end", vec![], false, "the client is done sending"),
        ("an invalid answer", close(b"\x03"), true, "an invalid Close, behind the server's"),
        (
            "messages, and an answer",
            join(&[&message, &message, &close(b"")]),
            true,
            "the client's Close, behind the server's",
        ),
    ];
    for (name, behind, waits, noted) in cases {
        let file = record(
            |config| config.timers.close = SHORT,
            |server| {
                let mut client = Client::connect(server.address);
                client.send(&frame(Opcode::Binary, b"short"));
                client.answers_close = false;
                assert_eq!(client.next(), Frame::Close(Some(4000)), "{name}");
                client.send(&behind);
                if waits {
                    assert_eq!(client.next(), Frame::End, "{name}");
                }
            },
        );
        check(&file, name);
        assert!(shown(&file).contains(noted), "{name}: {}", shown(&file));
    }
}

#[test]
fn a_recording_can_begin_and_end_while_the_connection_goes_on() {
    let directory = Directory::new();
    let server = Server::packets(&with(directory.config(), |config| {
        config.recording.as_mut().unwrap().debugged = true
    }));
    let mut client = Client::connect(server.address);
    client.send_packet(1114, 5, b"");
    client.reply();
    let handle = handle_of(&server, &mut client);
    client.send_packet(1105, 6, b"");
    let ticket = server.ticket();
    let debug = |on| {
        handle.set_debug(on).unwrap();
        assert_eq!(handle.snapshot(PATIENCE).unwrap().record.debug(), on);
    };
    debug(true);
    // A request from before is part of it; its answer comes after the switch.
    ticket.reply(b"later".to_vec());
    assert_eq!(client.reply(), Reply::new(1105, 6, b"later"));
    client.echo(b"recorded");
    client.send_packet(1110, 8, b"");
    client.reply();
    debug(false);
    client.echo(b"not recorded any more");
    debug(true);
    client.echo(b"another recording");
    client.close();
    drop(client);
    drop(server);
    let files = directory.files();
    assert_eq!(files.len(), 2);
    let first = replay(&files[0]);
    assert_eq!(
        (first.difference.clone(), first.end, first.packets),
        (None, End::Stopped, 2),
        "{}",
        shown(&files[0])
    );
    assert_eq!(check(&files[1], "the second").packets, 1);
}

#[test]
fn actions_of_other_connections_are_replayed() {
    for code in [4010, 4321] {
        let file = record(
            |_| {},
            |server| {
                let mut client = Client::connect(server.address);
                let handle = handle_of(server, &mut client);
                for number in 0..10 {
                    handle.send(&Push::new(1210, &[number; 1000])).unwrap();
                }
                (0..10).for_each(|number| assert_eq!(client.reply().data, [number; 1000]));
                match CloseCode::new(code).filter(|_| code != 4010) {
                    Some(code) => handle.close(code).unwrap(),
                    None => handle.kick().unwrap(),
                }
                client.expect_close(code, "as was asked");
            },
        );
        check(&file, "ended by others");
    }
}

#[test]
fn a_client_that_does_not_read_is_replayed() {
    for overflow in [Overflow::Close, Overflow::Drop] {
        let file = record(
            |config| {
                config.limits.max_len = 100_000;
                config.output.outbox_limit = Some(300_000);
                config.output.overflow = overflow;
            },
            |server| {
                let mut client = Client::connect(server.address);
                let handle = handle_of(server, &mut client);
                let full = |record: Record| record.error_send() > 0;
                eventually("the outbox is full", || match handle.send(&Push::new(1210, &[1; 90_000])) {
                    Ok(()) => handle.snapshot(PATIENCE).map_or(true, |now| full(now.record)),
                    Err(_) => true,
                });
                client.send_packet(1101, 7, &[5; 90_000]);
                let mut packets = 0;
                loop {
                    match client.next() {
                        Frame::Binary(_) => packets += 1,
                        Frame::Close(_) | Frame::End => break,
                        other => panic!("{other:?}"),
                    }
                    if packets == 3 && overflow == Overflow::Drop {
                        client.shutdown_write();
                    }
                }
                drop(client);
            },
        );
        let shown = shown(&file);
        check(&file, "a full outbox");
        assert!(shown.contains("bytes in the outbox"), "{shown}");
    }
}

#[test]
fn timers_are_replayed() {
    let timers: [fn(&mut Config); 4] = [
        |config| config.timers.read = Some(SHORT),
        |config| config.timers.client_check = Some(SHORT),
        |config| config.timers.account_check = Some(SHORT),
        |config| {
            (config.timers.ping_interval, config.timers.housekeeping, config.timers.read) =
                (Some(SHORT / 4), Some(SHORT / 8), Some(SHORT))
        },
    ];
    for (at, change) in timers.into_iter().enumerate() {
        let file = record(change, |server| {
            let mut client = Client::connect(server.address);
            client.echo(b"the last word");
            while client.next() != Frame::End {}
        });
        let replay = check(&file, &format!("timer {at}"));
        assert!(replay.timers > 0, "timer {at}");
    }
    let file = record(
        |config| config.timers.handshake = Some(SHORT),
        |server| {
            let mut client = Client::raw(server.address);
            client.send(&UPGRADE[..40]);
            assert_eq!(client.read_refusal().0, 408);
        },
    );
    check(&file, "the handshake");
}

#[test]
fn services_without_packets_are_replayed() {
    let directory = Directory::new();
    let server = Server::messages(&directory.config());
    let mut client = Client::connect(server.address);
    for text in ["one", "two", &"three".repeat(50_000)] {
        client.send(&frame(Opcode::Text, text.as_bytes()));
        assert_eq!(client.next(), Frame::Text(text.as_bytes().to_vec()));
    }
    client.send(&part(false, Opcode::Text, b"not "));
    client.send(&part(true, Opcode::Continuation, b"UTF-8: \xff"));
    client.expect_close(1007, "bad UTF-8");
    drop(client);
    drop(server);
    assert_eq!(check(&directory.file(), "messages").packets, 3);
}

#[test]
fn clients_behind_a_proxy_are_replayed() {
    let sessions = [
        join(&[b"PROXY TCP4 203.0.113.9 203.0.113.9 4660 443\r\n", UPGRADE, &packet(1101, 1, b"hello")]),
        join(&[b"PROXY UNKNOWN\r\n", UPGRADE]),
        b"PROXY TCP4 nobody\r\n".to_vec(),
        UPGRADE.to_vec(),
    ];
    for bytes in &sessions {
        for piece in [usize::MAX, 1, 50] {
            let trusted =
                |config: &mut Config| config.proxies.proxy_protocol = vec!["127.0.0.1".parse().unwrap()];
            let file = record(trusted, |server| send_session(server, b"", bytes, piece));
            let shown = shown(&file);
            check(&file, &shown);
            assert_eq!(
                shown.contains("the proxy names 203.0.113.9:4660"),
                bytes.starts_with(b"PROXY TCP4 2"),
                "{shown}"
            );
        }
    }
}

#[test]
fn replies_that_are_compressed_are_replayed() {
    let offer = upgrade_of("/", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n");
    let text: Vec<u8> = (0..30_000u32).flat_map(|number| number.to_string().into_bytes()).collect();
    let ways = [
        (500, DeflateMode::Off),
        (0, DeflateMode::Shared),
        (0, DeflateMode::Dedicated),
        (500, DeflateMode::Shared),
        (500, DeflateMode::Dedicated),
    ];
    for (compress_above, deflate) in ways {
        let case = format!("{compress_above}, {deflate:?}");
        let file = record(
            |config| {
                (config.output.compress_above, config.output.deflate, config.output.deflate_above) =
                    ((compress_above != 0).then_some(compress_above), deflate, 0);
                (config.limits.max_len, config.output.outbox_limit) = (120_000, Some(250_000));
            },
            |server| {
                let mut client = Client::raw(server.address);
                client.send(&offer);
                client.read_head();
                client.allow_deflate();
                // At once, and slice by slice, with other replies behind them.
                for len in [400, 10_000, 100_000] {
                    client.send_packet(1105, 1, b"later");
                    server.ticket().reply(&text[..len]);
                    client.send_packet(1101, 2, &text[..len]);
                    client.send_packet(1101, 3, b"short");
                    (0..3).for_each(|_| drop(client.next()));
                }
                // More at once than the outbox takes, including calls that an application may not make.
                let burst: Vec<_> = (0..200)
                    .map(|number| match number % 40 {
                        7 => packet(1101, number, &text[..45_000]),
                        _ => packet(1103, number, b""),
                    })
                    .collect();
                client.send(&burst.concat());
                (0..200).for_each(|_| drop(client.next()));
                client.send_packet(1101, 4, &text[..100_000]);
                client.send_packet(1103, 5, b"");
                client.send_packet(1101, 6, &text[..50_000]);
                client.send(&frame(Opcode::Close, &1000u16.to_be_bytes()));
                for _ in 0..3 {
                    assert!(matches!(client.next(), Frame::Binary(_) | Frame::Compressed(_)), "{case}");
                }
                assert_eq!(client.next(), Frame::Close(Some(1000)), "{case}");
            },
        );
        assert_eq!(check(&file, &case).packets, 212);
        let shown = shown(&file);
        assert!(shown.matches("compressed to a").count() >= 9, "{shown}");
        assert!(shown.contains("more had to wait"), "{shown}");
    }
}

#[test]
fn compressed_messages_are_replayed_without_their_content() {
    let offer = upgrade_of("/", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n");
    let pack = |message: &[u8]| {
        let mut packed = Vec::with_capacity(message.len() + 64);
        let mut compress = flate2::Compress::new(flate2::Compression::default(), false);
        compress.compress_vec(message, &mut packed, flate2::FlushCompress::Sync).unwrap();
        let mut frame = frame(Opcode::Binary, packed.strip_suffix(&[0, 0, 0xff, 0xff]).unwrap());
        frame[0] |= 0x40;
        frame
    };
    let packet_of = |status, data: &[u8]| frame(Opcode::Binary, &message(1101, 1, status, data));
    let mut garbage = frame(Opcode::Binary, &[0xff; 20]);
    garbage[0] |= 0x40;
    let sessions = [
        join(&[&pack(&message(1101, 1, 0, &b"many words ".repeat(40))), &packet(1101, 2, &[7; 300])]),
        join(&[&pack(&message(1115, 1, 0, b"s3cret")), &pack(&message(1104, 3, 0, &[0, 9]))]),
        join(&[&pack(&message(4242, 1, 0, b"s3cret")), &pack(b"short"), &packet(1101, 2, b"too late")]),
        join(&[&pack(&message(1101, 1, 1, &zlib_stored(b"twice"))), &garbage]),
        pack(&message(1101, 1, 0, &vec![0; 600_000])),
        // Input that takes more than one call to inflate: in a message, in Data, and in Data in a message.
        join(&[
            &pack(&message(1101, 1, 0, &vec![7; 400_000])),
            &packet(1101, 2, b"behind"),
            &frame(Opcode::Ping, b""),
        ]),
        join(&[&packet_of(1, &zlib_stored(&vec![7; 60_000])), &packet(1101, 2, &[7; 300])]),
        join(&[&pack(&message(1101, 1, 1, &zlib_stored(&vec![7; 60_000]))), &packet(1101, 2, &[7; 300])]),
        join(&[&pack(&message(1115, 1, 1, &zlib_stored(&b"s3cret".repeat(2000)))), &garbage]),
        join(&[&packet_of(1, &zlib_stored(&vec![7; 60_000])[..50_000]), &packet(1101, 2, b"too late")]),
    ];
    for mode in [DeflateMode::Shared, DeflateMode::Dedicated] {
        for (at, bytes) in sessions.iter().enumerate() {
            for piece in [usize::MAX, if bytes.len() < 10_000 { 3 } else { 10_000 }] {
                let file = record(
                    |config| config.output.deflate = mode,
                    |server| send_session(server, &offer, bytes, piece),
                );
                let replay = check(&file, &format!("{mode:?} {at}"));
                assert_eq!(replay.bytes as usize, offer.len() + bytes.len());
                assert!(!crate::secrets::contains(&file, b"s3cret"));
            }
        }
    }
}

#[test]
fn a_session_without_a_table_is_replayed() {
    let file = record_any(|server| {
        let mut client = Client::connect(server.address);
        for cmd in [0, 7777, 65_535] {
            client.send_packet(cmd, 1, b"any command");
            assert_eq!(client.reply(), Reply::new(cmd, 1, b"any command"));
        }
        client.send(&frame(Opcode::Binary, &message(7777, 2, 1, &zlib_stored(b"compressed"))));
        assert_eq!(client.reply(), Reply::new(7777, 2, b"compressed"));
        client.send_packet(1103, 3, b"");
        assert_eq!(client.reply(), Reply::refusal(1103, 3, 100));
        client.send_packet(1106, 4, b"");
        client.expect_close(1011, "a panic");
    });
    assert_eq!(check(&file, "without a table").packets, 6);
    assert!(contains_unmasked(&file, b"any command"), "nothing is secret");
}
