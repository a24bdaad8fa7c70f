//! TLS behind the PROXY header of a trusted proxy.

use std::io;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use rustls::version::TLS13;
use sysconn::Reactor;

use crate::client::{Certificate, VERSIONS, hello, over, rest};
use crate::common;
use crate::common::{Client, PATIENCE, SHORT, Server, UPGRADE, with};

/// Sends a header in front of the first bytes that are written, in the same write.
struct Behind {
    header: Vec<u8>,
    stream: std::net::TcpStream,
}

impl Read for Behind {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Behind {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let header = std::mem::take(&mut self.header);
        self.stream.write_all(&[&header[..], bytes].concat())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[test]
fn behind_a_trusted_proxy_tls_begins_after_its_header() {
    let header = b"PROXY TCP4 192.0.2.7 192.0.2.8 4321 443\r\n";
    let one = Certificate::new();
    let proxy_protocol = vec!["127.0.0.1".parse().unwrap()];
    let config = with(one.config(), |config| config.proxies.proxy_protocol = proxy_protocol);
    let server = Server::packets(&config);
    let hasty = Server::packets(&with(config, |config| config.timers.handshake = Some(SHORT)));
    for version in VERSIONS {
        let client = Arc::new(one.client(version));
        // With the first bytes of TLS, before them, and byte by byte.
        for (before, with) in [(0, header.len()), (header.len(), 0), (7, header.len() - 7)] {
            let mut stream = Client::raw(server.address).stream;
            for byte in &header[..before] {
                stream.write_all(&[*byte]).unwrap();
            }
            let behind = Behind { header: header[before..][..with].to_vec(), stream };
            let mut client = over(behind, &client);
            client.upgrade(UPGRADE);
            client.echo(&[7; 100_000]);
            let named = sysconn::Peer::from("192.0.2.7:4321".parse::<SocketAddr>().unwrap());
            assert!(common::peers(&server).contains(&named));
            client.close();
        }
        // TLS also follows a header that names no client, such as that of a health check.
        for unnamed in [&b"PROXY UNKNOWN\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
            let behind = Behind { header: unnamed.to_vec(), stream: Client::raw(server.address).stream };
            let mut client = over(behind, &client);
            client.upgrade(UPGRADE);
            client.echo(b"from the proxy itself");
            client.close();
        }
        // TLS without a header is none, and neither is HTTP behind one.
        let mut bare = Client::raw(server.address);
        bare.send(&hello(&client));
        assert_eq!(bare.read_refusal().0, 400);
        let mut plain = Client::raw(server.address);
        plain.send(&[&header[..], UPGRADE].concat());
        assert_eq!(plain.read_refusal().0, 400);
        // A handshake that stalls behind the header has the deadline of any other.
        let mut stalled = Client::raw(hasty.address);
        stalled.send(&[&header[..], &hello(&client)[..20]].concat());
        assert_eq!(rest(stalled), []);
    }
}

#[test]
fn a_drain_answers_after_the_header_of_a_proxy_and_the_handshake() {
    let certificate = Certificate::new();
    let config = with(certificate.config(), |config| {
        config.proxies.proxy_protocol = vec!["127.0.0.1".parse().unwrap()];
        config.drain.timeout = Some(6 * PATIENCE);
    });
    let tls = Arc::new(certificate.client(&TLS13));
    let (events, _seen) = channel();
    let mut reactor = Reactor::bind(&config, &common::ROUTER, common::Game::new(events)).unwrap();
    let (address, handle) = (reactor.local_addr().unwrap(), reactor.handle());
    let accepted = Client::raw(address).stream;
    for _ in 0..50 {
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    let waiting = Client::raw(address).stream;
    handle.drain();
    reactor.turn(Some(Duration::ZERO)).unwrap();
    let running = std::thread::spawn(move || reactor.run());
    for stream in [accepted, waiting] {
        let header = b"PROXY TCP4 192.0.2.7 192.0.2.8 4321 443\r\n".to_vec();
        let mut client = over(Behind { header, stream }, &tls);
        client.send(UPGRADE);
        assert_eq!(client.read_refusal().0, 503);
    }
    running.join().unwrap().unwrap();
}
