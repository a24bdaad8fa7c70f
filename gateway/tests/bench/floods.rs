//! Servers that send without end: the other connections have their share of the time, and the run ends.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use flate2::{Compress, Compression, FlushCompress};
use rustix::process::{Pid, Signal, kill_process};
use tungstenite::handshake::derive_accept_key;

use crate::common::PATIENCE;
use crate::{command, wait};

/// Connections that are flooded.
const FLOODED: usize = 6;
/// Requests of the one that is not, before the run is interrupted.
const REQUESTS: usize = 8;
/// About the bytes that a server writes at once.
const WRITE_BYTES: usize = 16 * 1024;

/// Empty Pings.
fn pings() -> Vec<u8> {
    [0x89, 0].repeat(WRITE_BYTES / 2)
}

/// Messages that are a thousand times as long as their frames.
fn bombs() -> Vec<u8> {
    let (mut compress, mut message) = (Compress::new(Compression::best(), false), Vec::with_capacity(1000));
    compress.compress_vec(&[0; 512_000], &mut message, FlushCompress::Sync).unwrap();
    message.truncate(message.len() - 4);
    let len = u16::try_from(message.len()).unwrap().to_be_bytes();
    let frame = [&[0xc2, 126][..], &len, &message].concat();
    frame.repeat(WRITE_BYTES / frame.len())
}

/// A server that answers its first connection, and floods all others. Tells of each request.
fn server(flood: Vec<u8>) -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let flood = Arc::new(flood);
    let (sender, requests) = channel();
    thread::spawn(move || {
        let mut requests = Some(sender);
        for tcp in listener.incoming() {
            let (flood, requests) = (Arc::clone(&flood), requests.take());
            // A client that goes ends its thread.
            thread::spawn(move || serve(tcp.unwrap(), &flood, requests));
        }
    });
    (url, requests)
}

fn serve(mut tcp: TcpStream, flood: &[u8], requests: Option<Sender<()>>) -> io::Result<()> {
    upgrade(&mut tcp)?;
    let Some(requests) = requests else {
        loop {
            tcp.write_all(flood)?;
        }
    };
    loop {
        // Requests are short.
        let mut head = [0; 6];
        tcp.read_exact(&mut head)?;
        let (len, mask) = (head[1] & 0x7f, &head[2..]);
        let mut payload = vec![0; len.into()];
        tcp.read_exact(&mut payload)?;
        payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        // The test may have seen enough.
        let _ = requests.send(());
        tcp.write_all(&[&[head[0], len], &payload[..]].concat())?;
    }
}

/// Agrees to an upgrade, and to permessage-deflate.
pub(crate) fn upgrade(tcp: &mut TcpStream) -> io::Result<()> {
    let (mut head, mut byte) = (vec![], [0]);
    while !head.ends_with(b"\r\n\r\n") {
        tcp.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let mut response = "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".to_owned();
    if head.contains("permessage-deflate") {
        response += "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n";
    }
    let accept = derive_accept_key(key.as_bytes());
    write!(tcp, "{response}Sec-WebSocket-Accept: {accept}\r\n\r\n")
}

#[test]
fn a_flood_keeps_nobody_waiting() {
    for (flood, arguments) in [(pings(), &["--echo"][..]), (bombs(), &["--echo", "--deflate"])] {
        let (url, requests) = server(flood);
        let connections = (1 + FLOODED).to_string();
        let more = ["--connections", &connections, "--ramp", "200ms", "--timeout", "1s", "--output", "json"];
        let bench = command(&url, &[arguments, &more, &["--warmup", "0", "--duration", "1h"]].concat())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        for _ in 0..REQUESTS {
            requests.recv_timeout(PATIENCE).unwrap();
        }
        kill_process(Pid::from_child(&bench), Signal::INT).unwrap();
        let figures = wait(bench, "a flood").json();
        assert_eq!((&figures["was_interrupted"], &figures["opened"]), (&true.into(), &(1 + FLOODED).into()));
        assert_eq!(figures["failed"].to_string(), "{}", "{figures}");
        assert!(figures["answered"].as_u64() >= Some(REQUESTS as u64 - 1), "{figures}");
    }
}
