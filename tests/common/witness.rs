//! The peer addresses that hooks and handlers see.

use std::sync::mpsc::{Sender, channel};

use sysconn::upgrade::{self, Refusal};
use sysconn::{Application, Config, Context, Message, Outcome, Peer, Reactor, Service};

use super::{Client, PATIENCE, Server, packet};

/// The peers of all connections.
pub(crate) fn peers(server: &Server) -> Vec<Peer> {
    let (sender, seen) = channel();
    let look = move |survey: &sysconn::Survey<'_>| {
        let peers = survey.page(0, 100).iter().map(|snapshot| snapshot.record.peer()).collect();
        let _ = sender.send(peers);
    };
    server.handle.survey(look).unwrap();
    seen.recv_timeout(PATIENCE).unwrap()
}

/// An application that reports the peers that its hooks and its handler see.
struct Witness(Sender<Peer>);

impl Application for Witness {
    type Session = ();

    fn upgrade(&mut self, _: &upgrade::Request<'_>, peer: Peer) -> Result<(), Refusal> {
        let _ = self.0.send(peer);
        Ok(())
    }

    fn opened(&mut self, context: &mut Context<'_>) {
        let _ = self.0.send(context.record().peer());
    }
}

fn look(witness: &mut Witness, _: Message<'_>, context: &mut Context<'_>) -> Outcome {
    let _ = witness.0.send(context.record().peer());
    Outcome::Done
}

/// Connects to such a server with `request`, and checks that each hook and the handler see the expected peer.
pub(crate) fn hooks_and_handlers_see(config: &Config, request: &[u8], expected: Peer) {
    let (sender, seen) = channel();
    let mut reactor = Reactor::bind(config, Service::Messages(look), Witness(sender)).unwrap();
    let (address, handle) = (reactor.local_addr().unwrap(), reactor.handle());
    let thread = std::thread::spawn(move || reactor.run());
    let mut client = Client::raw(address);
    client.upgrade(request);
    client.send(&packet(1101, 1, b""));
    for hook in ["upgrade", "opened", "handler"] {
        assert_eq!(seen.recv_timeout(PATIENCE), Ok(expected), "{hook}");
    }
    client.close();
    handle.drain();
    thread.join().unwrap().unwrap();
}
