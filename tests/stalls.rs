//! Clients that are alive although their server gets nothing from them: their answers wait behind output that
//! they take slowly.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use common::{Client, Frame, Server, config, frame};
use socket2::{Domain, Socket, Type};
use sysconn::Config;
use sysconn::config::{Listen, Liveness};
use sysconn::frame::Opcode;

/// A stream on a slow line.
struct Slow<T>(T);

/// What it brings at once, in bytes, and how often: 120 KB a second.
const PIECE_BYTES: usize = 3000;
const PACE: Duration = Duration::from_millis(25);

impl<T: Read> Read for Slow<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        thread::sleep(PACE);
        let len = buffer.len().min(PIECE_BYTES);
        self.0.read(&mut buffer[..len])
    }
}

impl<T: Write> Write for Slow<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Takes a reply for longer than two periods of the timers, in which no Pong can be sent.
fn take_slowly<T: Read + Write>(stream: T) {
    let mut client = Client::over(Slow(stream));
    client.upgrade(common::UPGRADE);
    let data = vec![7; 400_000];
    client.send_packet(1101, 1, &data);
    loop {
        match client.next() {
            Frame::Ping(payload) => client.send(&frame(Opcode::Pong, &payload)),
            Frame::Binary(message) => {
                assert!(message.ends_with(&data));
                break;
            }
            other => panic!("{other:?} in place of the reply"),
        }
    }
}

/// Connects with a receive buffer that holds next to nothing.
fn connect_narrow(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.into()
}

#[test]
fn a_slow_reader_is_not_silent() {
    const PERIOD: Duration = Duration::from_millis(1500);
    let path = std::env::temp_dir().join(format!("sysconn-{}-slow", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let common = Config {
        listen: vec![Listen::Tcp(([127, 0, 0, 1], 0).into()), Listen::Unix(path.clone())],
        ping_interval: PERIOD / 4,
        read_timeout: Duration::ZERO,
        client_check: Duration::ZERO,
        ..config()
    };
    let timers = [
        Config { read_timeout: PERIOD, ..common.clone() },
        Config { client_check: PERIOD, liveness: Liveness::Frames, ..common },
    ];
    for config in timers {
        let server = Server::packets(&config);
        let address = server.address;
        let tcp = thread::spawn(move || take_slowly(connect_narrow(address)));
        take_slowly(UnixStream::connect(&path).unwrap());
        tcp.join().unwrap();
    }
}
