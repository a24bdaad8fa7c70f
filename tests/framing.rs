//! Valid frames over real sockets, however they are cut, mixed and repeated.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{Client, Frame, Reply, Server, config, frame, join, packet, part, still_echoes, still_serves};
use sysconn::frame::{Opcode, push_masked_frame};

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

#[test]
fn frames_of_all_lengths_and_keys_are_echoed() {
    let server = Server::messages(&config());
    let mut client = Client::connect(server.address);
    // The client's decoder refuses a length in a form that is not the shortest.
    for len in [0, 1, 117, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537, 524_287, 524_288] {
        client.send(&frame(Opcode::Binary, &bytes(len)));
        assert_eq!(client.next(), Frame::Binary(bytes(len)), "{len}");
    }
    for key in [[0; 4], [0xff; 4], [0, 0, 0, 1], [1, 0, 0, 0]] {
        let mut out = vec![];
        push_masked_frame(&mut out, true, Opcode::Text, key, "κόσμε".as_bytes());
        client.send(&out);
        assert_eq!(client.next(), Frame::Text("κόσμε".into()), "{key:?}");
    }
    for len in [0, 1, 124, 125] {
        client.send(&frame(Opcode::Ping, &bytes(len)));
        assert_eq!(client.next(), Frame::Pong(bytes(len)), "{len}");
    }
    client.close();
}

#[test]
fn frames_may_be_cut_anywhere() {
    let server = Server::messages(&config());
    let mut client = Client::connect(server.address);
    // The header of each length form, byte by byte, and then some of the payload.
    for len in [5, 300, 70_000] {
        let frame = frame(Opcode::Binary, &bytes(len));
        let (head, rest) = frame.split_at(20.min(frame.len()));
        client.dribble(head);
        client.send(rest);
        assert_eq!(client.next(), Frame::Binary(bytes(len)), "{len}");
    }
    // A whole frame is answered though the next one has begun.
    for len in 0..=140 {
        let first = frame(Opcode::Binary, &bytes(len));
        let second = frame(Opcode::Ping, b"next");
        let cut = 1 + len % (second.len() - 1);
        client.send(&join(&[&first, &second[..cut]]));
        assert_eq!(client.next(), Frame::Binary(bytes(len)), "{len}");
        client.send(&second[cut..]);
        assert_eq!(client.next(), Frame::Pong(b"next".to_vec()), "{len}");
        // The mask key stays aligned after any cut.
        let cut = (len * 7) % first.len();
        client.send(&first[..cut]);
        client.send(&first[cut..]);
        assert_eq!(client.next(), Frame::Binary(bytes(len)), "{len} cut at {cut}");
    }
    client.close();
}

#[test]
fn messages_may_come_in_fragments() {
    let server = Server::messages(&config());
    let mut client = Client::connect(server.address);
    let text = "κόσμε 𝄞".as_bytes();
    for cut in 0..=text.len() {
        client.send(&part(false, Opcode::Text, &text[..cut]));
        client.send(&frame(Opcode::Ping, b"between"));
        // The Pong does not wait for the end of the message.
        assert_eq!(client.next(), Frame::Pong(b"between".to_vec()));
        client.send(&part(true, Opcode::Continuation, &text[cut..]));
        assert_eq!(client.next(), Frame::Text(text.to_vec()), "cut at {cut}");
    }
    let empty = join(&[
        &part(false, Opcode::Binary, b""),
        &part(false, Opcode::Continuation, b""),
        &frame(Opcode::Pong, b"nobody asked"),
        &part(false, Opcode::Continuation, b"middle"),
        &part(true, Opcode::Continuation, b""),
    ]);
    client.send(&empty);
    assert_eq!(client.next(), Frame::Binary(b"middle".to_vec()));
    client.send(&join(&[&part(false, Opcode::Text, b""), &part(true, Opcode::Continuation, b"")]));
    assert_eq!(client.next(), Frame::Text(vec![]));

    let mut many = part(false, Opcode::Binary, &[0]);
    for i in 1..20_000 {
        many.extend(part(i == 19_999, Opcode::Continuation, &[(i % 251) as u8]));
    }
    client.send(&many);
    assert_eq!(client.next(), Frame::Binary(bytes(20_000)));

    let quarter = bytes(524_288 / 4);
    let mut largest = part(false, Opcode::Binary, &quarter);
    for i in 1..4 {
        largest.extend(part(i == 3, Opcode::Continuation, &quarter));
    }
    client.send(&largest);
    assert_eq!(client.next(), Frame::Binary(quarter.repeat(4)));
    client.close();
}

#[test]
fn many_in_one_write_are_answered_once_each_and_in_order() {
    let messages = Server::messages(&config());
    let mut client = Client::connect(messages.address);
    let all: Vec<u8> = (0..2000u32).flat_map(|i| frame(Opcode::Binary, &i.to_be_bytes())).collect();
    client.send(&all);
    for i in 0..2000u32 {
        assert_eq!(client.next(), Frame::Binary(i.to_be_bytes().to_vec()));
    }
    client.close();

    let packets = Server::packets(&config());
    let mut client = Client::connect(packets.address);
    let all: Vec<u8> = (0..3000).flat_map(|flag| packet(1101, flag, b"")).collect();
    client.send(&all);
    for flag in 0..3000 {
        assert_eq!(client.reply(), Reply::new(1101, flag, b""));
    }
    client.close();
}

#[test]
fn pings_and_pongs_in_a_flood() {
    let server = Server::messages(&config());
    let mut client = Client::connect(server.address);
    let pongs: Vec<u8> = (0..20_000).flat_map(|_| frame(Opcode::Pong, &[b'x'; 100])).collect();
    client.send(&pongs);
    client.send(&frame(Opcode::Binary, b"behind"));
    assert_eq!(client.next(), Frame::Binary(b"behind".to_vec()));

    // A client that does not read in between gets the newest of the Pongs that could not go out.
    let mut writer = client.stream.try_clone().unwrap();
    let pings: Vec<u8> = (0..20_000u32).flat_map(|i| frame(Opcode::Ping, &i.to_be_bytes())).collect();
    let sending = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &pings));
    let mut last = None;
    while last != Some(19_999) {
        let Frame::Pong(payload) = client.next() else { panic!("no Pong") };
        let number = u32::from_be_bytes(payload.try_into().unwrap());
        assert!(last < Some(number), "{number} after {last:?}");
        last = Some(number);
    }
    sending.join().unwrap().unwrap();
    client.close();
    still_echoes(server.address);
}

#[test]
fn urgent_data_is_no_message() {
    let server = Server::packets(&config());
    let mut client = Client::connect(server.address);
    client.echo(b"before");
    assert_eq!(socket2::SockRef::from(&client.stream).send_out_of_band(b"!").unwrap(), 1);
    client.echo(b"behind");
    client.close();
    still_serves(server.address);
}
