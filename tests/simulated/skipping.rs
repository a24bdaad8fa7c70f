//! Clients that are closed together while much input of theirs waits: it is skipped as time allows.

use std::time::Duration;

use sysconn::frame::CloseCode;
use sysconn::sim::{Buffers, Client, Fault, Faults, Network, StreamState};
use sysconn::{Application, Config, ConnectionId, Context, Outcome, Reactor, Request, Service, Ticket};

use crate::common::packet;
use crate::connect;

const REQUEST: u16 = 1401;
const CLIENTS: usize = 16;
/// Behind the request, with a Close at the end.
const WAITING_BYTES: usize = 96 * 1024;

/// Answers nothing.
#[derive(Default)]
struct Mute {
    clients: Vec<ConnectionId>,
    tickets: Vec<Ticket>,
}

impl Application for Mute {
    type Session = ();
}

fn run(mute: &mut Mute, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    mute.clients.push(context.id());
    mute.tickets.push(context.defer(request));
    Outcome::Done
}

fn has_ended(client: &mut Client) -> bool {
    client.receive(&mut vec![]) == StreamState::Ended
}

#[test]
fn what_waits_of_many_that_are_closed_at_once_is_skipped_in_several_turns() {
    let network = Network::new(1);
    let bytes = 2 * WAITING_BYTES;
    network.set_buffers(Buffers { client_send: bytes, server_receive: bytes, ..Buffers::default() });
    let mut reactor =
        Reactor::simulated(&Config::default(), Service::Any(run), Mute::default(), &network).unwrap();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| connect(&network)).collect();
    let waiting = [b"\x82\x00".repeat(WAITING_BYTES / 2), b"\x88\x80abcd".to_vec()].concat();
    let input = [packet(REQUEST, 1, b""), waiting].concat();
    clients.iter_mut().for_each(|client| assert_eq!(client.send(&input), input.len()));
    while reactor.state().clients.len() < CLIENTS {
        reactor.turn(Some(Duration::ZERO)).unwrap();
    }
    // Each look at the clock shows that time has passed.
    network.set_faults(Faults::NONE.with(Fault::SlowStep, 1.0));
    let code = CloseCode::new(4100).unwrap();
    reactor.act(|mute, effects| mute.clients.iter().for_each(|&id| effects.close(id, code)));
    let mut ended = vec![];
    while ended.last() != Some(&CLIENTS) {
        assert!(ended.len() < 200, "{ended:?}");
        reactor.turn(Some(Duration::ZERO)).unwrap();
        // The server ends a connection once it has found the Close.
        ended.push(clients.iter_mut().filter_map(|client| has_ended(client).then_some(())).count());
    }
    assert!(ended[0] <= CLIENTS / 4, "{ended:?} have ended after each turn");
}
