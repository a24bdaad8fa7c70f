//! The name of the server that a client asks for in its handshake (SNI), as the upgrade hook sees it.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::version::TLS13;
use rustls::{ClientConnection, StreamOwned, SupportedProtocolVersion};
use sysconn::upgrade::{self, Refusal};
use sysconn::{Application, Context, Message, MessageKind, Outcome, Peer, Reactor, Service};

use crate::client::{Certificate, TlsClient, VERSIONS};
use crate::common::{Client, Frame, UPGRADE, config, with};

/// Keeps the name that each client asked for, and refuses one.
struct Names;

impl Application for Names {
    type Session = String;

    fn upgrade(&mut self, request: &upgrade::Request<'_>, _: Peer) -> Result<String, Refusal> {
        match request.server_name() {
            Some("closed.example") => Err(Refusal::Application(403)),
            name => Ok(format!("{name:?}")),
        }
    }

    fn opened(&mut self, context: &mut Context<'_, String>) {
        let name = context.session().clone();
        context.send_message(MessageKind::Text, name.as_bytes()).unwrap();
    }
}

fn ignore(_: &mut Names, _: Message<'_>, _: &mut Context<'_, String>) -> Outcome {
    Outcome::Done
}

/// A client that connects to a server with this name, and tells it the name unless `sends_it` is false.
fn client(
    address: SocketAddr,
    certificate: &Certificate,
    version: &'static SupportedProtocolVersion,
    name: &str,
    sends_it: bool,
) -> TlsClient {
    let mut tls = certificate.client(version);
    tls.enable_sni = sends_it;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(tls), name).unwrap();
    Client::over(StreamOwned::new(connection, Client::raw(address).stream))
}

#[test]
fn the_upgrade_hook_sees_the_name_in_lower_case() {
    let certificate = Certificate::for_names(&["localhost", "games.example", "closed.example", "127.0.0.1"]);
    let config = with(config(), |config| config.tls = Some(certificate.tls()));
    let mut reactor = Reactor::bind(&config, Service::Messages(ignore), Names).unwrap();
    let (address, handle) = (reactor.local_addr().unwrap(), reactor.handle());
    let thread = std::thread::spawn(move || reactor.run());
    for (name, sends_it, expected) in [
        ("localhost", true, "Some(\"localhost\")"),
        ("Games.EXAMPLE", true, "Some(\"games.example\")"),
        ("games.example", false, "None"),
        // RFC 6066 §3: an address is no name, and clients leave it out.
        ("127.0.0.1", true, "None"),
    ] {
        for version in VERSIONS {
            let mut client = client(address, &certificate, version, name, sends_it);
            client.upgrade(UPGRADE);
            assert_eq!(client.next(), Frame::Text(expected.into()), "{name} {sends_it} {version:?}");
            client.close();
        }
    }
    let mut refused = client(address, &certificate, &TLS13, "closed.example", true);
    refused.send(UPGRADE);
    assert_eq!(refused.read_refusal().0, 403);
    handle.drain();
    thread.join().unwrap().unwrap();
}
