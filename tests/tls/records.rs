//! Data in records of any shape, slow readers, and bytes that the TLS library holds back.

use std::io;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::version::TLS13;
use socket2::{Domain, Socket, Type};
use sysconn::Cause;
use sysconn::frame::Opcode;

use crate::client::{Certificate, VERSIONS, connect, over, still_serves};
use crate::common::{Client, Frame, PATIENCE, Reply, Server, UPGRADE, frame, join, packet};

/// Gives the socket one byte at a time, each in a segment of its own.
struct Dribble(TcpStream);

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Dribble {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes.get(..1).unwrap_or_default())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn echoes_of_every_length_in_records_of_any_shape() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let mut tls = certificate.client(version);
        let plain = Arc::new(tls.clone());
        let mut client = connect(server.address, &plain);
        for len in [0, 125, 126, 65_535, 65_536, 524_279] {
            client.echo(&vec![7; len]);
        }
        // Many frames in one record.
        let many: Vec<_> = (0..200).map(|flag| packet(1101, flag, b"many")).collect();
        client.send(&many.concat());
        for flag in 0..200 {
            assert_eq!(client.reply(), Reply::new(1101, flag, b"many"));
        }
        // A record for each byte.
        client.dribble(&packet(1101, 1, b"byte by byte"));
        assert_eq!(client.reply(), Reply::new(1101, 1, b"byte by byte"));
        client.close();

        // A segment for each byte, the handshake's included.
        let mut client = over(Dribble(Client::raw(server.address).stream), &plain);
        client.upgrade(UPGRADE);
        client.echo(&[7; 300]);
        client.close();

        // One frame over many records.
        tls.max_fragment_size = Some(64);
        let mut client = connect(server.address, &Arc::new(tls));
        client.echo(&vec![7; 100_000]);
        client.close();
    }
}

#[test]
fn a_slow_reader_gets_all_of_it() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let tls = Arc::new(certificate.client(version));
        let (mut slow, mut witness) = (connect(server.address, &tls), connect(server.address, &tls));
        socket2::SockRef::from(&slow.stream.sock).set_recv_buffer_size(64 * 1024).unwrap();
        slow.read_bytes = 4096;
        for _ in 0..24 {
            slow.send_packet(1104, 1, &20_000u16.to_be_bytes());
        }
        // The Pong overtakes what waits; it must not do so within a record that is on its way.
        slow.send(&frame(Opcode::Ping, b"over"));
        witness.echo(b"not held up");
        let mut pongs = 0;
        for _ in 0..24 {
            let mut index = 0u32;
            while index < 20_000 {
                match slow.next() {
                    Frame::Pong(payload) => pongs += usize::from(payload == b"over"),
                    Frame::Binary(message) => {
                        assert_eq!(message[message.len() - 4..], index.to_be_bytes());
                        index += 1;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        if pongs == 0 {
            assert_eq!(slow.next(), Frame::Pong(b"over".to_vec()));
        }
        slow.echo(&vec![7; 300_000]);

        // What is left when the conversation ends comes as well, and then a proper end.
        for _ in 0..24 {
            slow.send_packet(1104, 1, &20_000u16.to_be_bytes());
        }
        // More than one read brings, and all of it waits by the time that it is read.
        slow.send_packet(1101, 1, &[7; 100_000]);
        slow.send(&frame(Opcode::Close, &1000u16.to_be_bytes()));
        slow.stream.conn.send_close_notify();
        slow.stream.flush().unwrap();
        witness.echo(b"not held up");
        for _ in 0..24 * 20_000 {
            assert_eq!(slow.reply().data.len(), 4);
        }
        assert_eq!(slow.reply().data.len(), 100_000);
        slow.expect_close(1000, "behind all else");
        witness.close();
    }
}

/// Connected over a socket that keeps the server's kernel from taking more than about 48 KiB.
fn narrow(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.set_tcp_mss(536).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.into()
}

#[test]
fn output_that_the_kernel_does_not_take_at_once_is_sent_later() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let tls = Arc::new(certificate.client(version));
        let mut witness = connect(server.address, &tls);
        // Short enough that TLS takes it whole, so that nothing is left in the outbox.
        for len in [50_000, 55_000, 60_000] {
            for ends in [false, true] {
                let mut client = over(narrow(server.address), &tls);
                client.upgrade(UPGRADE);
                client.send_packet(1101, 1, &vec![7; len]);
                if ends {
                    client.send(&frame(Opcode::Close, &1000u16.to_be_bytes()));
                    client.stream.conn.send_close_notify();
                    client.stream.flush().unwrap();
                }
                witness.echo(b"not held up");
                witness.echo(b"not held up");
                assert_eq!(client.reply().data.len(), len);
                if ends {
                    client.expect_close(1000, "behind the reply");
                } else {
                    client.close();
                }
            }
        }
        witness.close();
    }
}

#[test]
fn data_left_by_one_read_is_read_without_an_event() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    for version in VERSIONS {
        let mut client = connect(server.address, &Arc::new(certificate.client(version)));
        // The kernel learns to hold more than one read brings.
        for _ in 0..8 {
            client.echo(&vec![7; 500_000]);
        }
        // Nothing is read while the second packet waits for the answer to the first one.
        client.send(&join(&[&packet(1105, 1, b""), &packet(1101, 2, b"waits")]));
        let ticket = server.ticket();
        client.send_packet(1101, 3, &[7; 90_000]);
        ticket.reply(b"");
        for (flag, cmd, len) in [(1, 1105, 0), (2, 1101, 5), (3, 1101, 90_000)] {
            let reply = client.reply();
            assert_eq!((reply.flag, reply.cmd, reply.data.len()), (flag, cmd, len));
        }
        client.close();
    }
}

#[test]
fn key_updates_are_answered_up_to_a_limit() {
    let certificate = Certificate::new();
    let server = Server::packets(&certificate.config());
    let tls = Arc::new(certificate.client(&TLS13));
    let mut client = connect(server.address, &tls);
    for _ in 0..100 {
        client.stream.conn.refresh_traffic_keys().unwrap();
        client.echo(b"with a new key");
    }
    let address = client.stream.sock.local_addr().unwrap();
    for _ in 0..100 {
        client.stream.conn.refresh_traffic_keys().unwrap();
    }
    // The server may end before all of it is sent.
    let _ = client.stream.flush();
    assert_eq!(server.cause_from(address), Cause::Reset);
    still_serves(server.address, &tls);
}
