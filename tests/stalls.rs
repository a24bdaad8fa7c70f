//! Live clients whose Pongs cannot arrive in time: the Pings wait behind output that they read slowly.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use common::{Client, Frame, Server, config, frame, with};
use socket2::{Domain, Socket, Type};
use sysconn::config::{Listen, Liveness};
use sysconn::frame::Opcode;

/// A stream on a slow line.
struct Slow<T>(T);

/// Its bytes at one time, and how often they come: 120 KB a second.
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

/// Connects with a minimal receive buffer.
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
    let common = with(config(), |config| {
        config.listen = vec![Listen::Tcp(([127, 0, 0, 1], 0).into()), Listen::Unix(path.clone())];
        config.timers.ping_interval = Some(PERIOD / 4);
        config.timers.read = None;
        config.timers.client_check = None;
    });
    let timers = [
        with(common.clone(), |config| config.timers.read = Some(PERIOD)),
        with(common, |config| {
            config.timers.client_check = Some(PERIOD);
            config.timers.liveness = Liveness::Frames;
        }),
    ];
    for config in timers {
        let server = Server::packets(&config);
        let address = server.address;
        let tcp = thread::spawn(move || take_slowly(connect_narrow(address)));
        take_slowly(UnixStream::connect(&path).unwrap());
        tcp.join().unwrap();
    }
}
