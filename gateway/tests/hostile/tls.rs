//! TLS that does not begin, does not end, or carries no data.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use socket2::{Domain, Socket, Type};

use crate::common::{Client, Frame, PATIENCE, UPGRADE, frame, join, packet};
use crate::frames::header;
use crate::stage::{Case, Random, Setup, Stage, play};
use sysconn::config::MAX_LEN;
use sysconn::frame::Opcode;

#[test]
fn tls() {
    play(CASES);
}

/// A certificate for `localhost`, and the configuration of a client that trusts it.
pub(crate) struct Certificate {
    pem: String,
    client: Arc<ClientConfig>,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let pem = made.cert.pem() + &made.signing_key.serialize_pem();
        let der: CertificateDer<'static> = made.cert.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(der).unwrap();
        let client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Certificate { pem, client: Arc::new(client) }
    }

    /// The certificate and its key.
    pub(crate) fn both_pem(&self) -> &str {
        &self.pem
    }

    fn connection(&self) -> ClientConnection {
        ClientConnection::new(self.client.clone(), ServerName::try_from("localhost").unwrap()).unwrap()
    }

    pub(crate) fn over<T: Read + Write>(&self, stream: T) -> StreamOwned<ClientConnection, T> {
        StreamOwned::new(self.connection(), stream)
    }

    /// The first flight of a client.
    fn hello(&self) -> Vec<u8> {
        let mut bytes = vec![];
        self.connection().write_tls(&mut bytes).unwrap();
        bytes
    }
}

/// A client over TLS that is upgraded.
fn upgraded(stage: &Stage) -> Client<StreamOwned<ClientConnection, TcpStream>> {
    let mut client = Client::over(stage.certificate().over(stage.raw().stream));
    client.upgrade(UPGRADE);
    client
}

/// Reads everything until the server ends the connection in any way.
fn ends(mut stream: &TcpStream) {
    while matches!(stream.read(&mut [0; 1024]), Ok(len) if len > 0) {}
}

pub(crate) const CASES: &[Case] = &[
    Case::new("tl-01", Setup::Tls, |stage| {
        let hello = stage.certificate().hello();
        // A plaintext close_notify in place of the rest of the handshake.
        for alert in [b"\x15\x03\x03\0\x02\x01\0", b"\x15\x03\x03\0\x02\x02\x28"] {
            let mut client = stage.raw();
            client.send(&join(&[&hello, alert]));
            ends(&client.stream);
            let mut client = stage.raw();
            client.send(alert);
            ends(&client.stream);
        }
        let mut client = stage.raw();
        client.send(&hello);
        client.shutdown_write();
        ends(&client.stream);
    }),
    Case::new("tl-02", Setup::Tls, |stage| {
        let hello = stage.certificate().hello();
        for cut in [1, 5, 50, hello.len() - 1] {
            let mut stalled = stage.raw();
            stalled.dribble(&hello[..cut]);
            stage.sleeps();
            drop(stalled);
        }
        let mut garbage = stage.raw();
        let _ = garbage.stream.write_all(&join(&[&[0x16, 3, 1, 0xff, 0xff], &[0; 70_000]]));
        ends(&garbage.stream);
    }),
    Case::new("tl-03", Setup::Tls, |stage| {
        let hello = stage.certificate().hello();
        let clients: Vec<_> = (0..300)
            .map(|_| {
                let mut client = stage.raw();
                client.send(&hello);
                client
            })
            .collect();
        // All of them wait for their signatures; the good client does not have to wait for all of these.
        stage.witness();
        drop(clients);
    }),
    Case::new("tl-04", Setup::Tls, |stage| {
        stage.refuses("plain HTTP", UPGRADE, &[400]);
        // An end without close_notify is an abort: no reply is owed.
        let mut client = upgraded(stage);
        client.echo(b"open");
        client.stream.sock.shutdown(Shutdown::Write).unwrap();
        ends(&client.stream.sock);
        // A flood of key updates.
        let mut client = upgraded(stage);
        for _ in 0..1000 {
            if client.stream.conn.refresh_traffic_keys().is_err() || client.stream.flush().is_err() {
                break;
            }
        }
        stage.sleeps();
        drop(client);
        // Garbage in the middle.
        let mut client = upgraded(stage);
        client
            .stream
            .sock
            .write_all(&[
                0x17, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
            ])
            .unwrap();
        ends(&client.stream.sock);
    }),
    Case::new("x-45", Setup::Tls, |stage| {
        // A record for each byte, and one for each empty frame.
        let mut client = upgraded(stage);
        client.dribble(&packet(1101, 1, b"byte by byte"));
        assert_eq!(client.reply().data, b"byte by byte");
        for _ in 0..500 {
            client.send(&frame(Opcode::Pong, b""));
        }
        client.echo(b"behind");
        // Violations and ends look the same within TLS.
        client.send(b"\x82\x04data");
        client.expect_close(1002, "not masked");
    }),
    Case::new("x-48", Setup::Tls, |stage| {
        // Each message is read to its end, however long it is and wherever it is cut.
        let mut random = Random(48);
        for round in 0..12 {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            if round % 2 == 0 {
                socket.set_recv_buffer_size(4096).unwrap();
                socket.set_send_buffer_size(4096).unwrap();
            }
            socket.connect(&stage.program.address().into()).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            let stream = Cut { stream: socket.into(), random: Random(round + 1) };
            let mut client = Client::over(stage.certificate().over(stream));
            client.upgrade(UPGRADE);
            for _ in 0..4 {
                let len = MAX_LEN - 9 - random.below(3) * random.below(40_000);
                let (data, records) = (vec![7; len], 1 + random.below(30_000));
                for record in packet(1101, 1, &data).chunks(records) {
                    client.send(record);
                }
                assert_eq!(client.reply().data.len(), len, "in records of {records}");
            }
            let header = header(&[0x82, 0xff, 0, 0, 0, 0, 0, 8, 0, 1]);
            let cut = random.below(header.len());
            client.send(&join(&[&frame(Opcode::Ping, b""), &header[..cut]]));
            assert_eq!(client.next(), Frame::Pong(vec![]));
            client.send(&header[cut..]);
            assert_eq!(client.next(), Frame::Close(Some(1009)), "one byte too many, in its header");
        }
    }),
];

/// Writes a part of any length to the socket.
struct Cut {
    stream: TcpStream,
    random: Random,
}

impl Read for Cut {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = 1 + self.random.below(buffer.len().max(1));
        self.stream.read(&mut buffer[..most])
    }
}

impl Write for Cut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let most = 1 + self.random.below(bytes.len().max(1));
        self.stream.write(&bytes[..most.min(bytes.len())])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
