//! Limits that hold for all workers together, and addresses that no other server can have.

use std::io::ErrorKind;
use std::thread;

use sysconn::config::Listen;
use sysconn::{Application, BindError, Reactor, Router, Workers};

use super::common::{Client, UPGRADE, config, eventually, with};
use super::server::{Citizen, Server};
use super::town::{TOWN, Town};

struct Nothing;

impl Application for Nothing {
    type Session = ();
}

static NO_ROUTES: Router<Nothing> = Router::new([]);

/// The status that a new client is answered with.
fn status(server: &Server) -> (u16, Client) {
    let mut client = Client::raw(server.address);
    client.send(UPGRADE);
    let head = client.read_head();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), client)
}

#[test]
fn connection_limits_hold_for_all_workers_together() {
    const PLACES: usize = 20;
    let cases = [
        (with(config(), |config| config.limits.max_connections = Some(PLACES)), 503),
        (with(config(), |config| config.limits.max_connections_per_ip = Some(PLACES)), 429),
    ];
    for (config, refusal) in cases {
        let server = Server::new(&with(config, |config| config.workers = 4));
        for round in 0..5 {
            // All at once: they meet on different workers.
            let threads: Vec<_> = (0..3 * PLACES)
                .map(|_| {
                    let address = server.address;
                    thread::spawn(move || {
                        let mut client = Client::raw(address);
                        client.send(UPGRADE);
                        client
                    })
                })
                .collect();
            let mut inside = vec![];
            for thread in threads {
                let mut client = thread.join().unwrap();
                let head = client.read_head();
                if head.starts_with("HTTP/1.1 101 ") {
                    inside.push(Citizen::new(client));
                } else {
                    assert!(head.starts_with(&format!("HTTP/1.1 {refusal} ")), "{head}");
                }
            }
            assert_eq!(inside.len(), PLACES, "round {round}");
            assert_eq!(server.connections().iter().sum::<usize>(), PLACES);
            // One permit is given back on any worker, and one client on any worker gets it.
            drop(inside.pop());
            let mut next = None;
            eventually("the place comes back", || {
                let (status, client) = status(&server);
                next = (status == 101).then_some(client);
                next.is_some()
            });
            assert_eq!(status(&server).0, refusal, "round {round}");
            drop((inside, next));
            eventually("all places come back", || server.connections().iter().sum::<usize>() == 0);
        }
    }
}

#[test]
fn an_address_in_use_is_refused_by_several_workers() {
    let server = Server::new(&with(config(), |config| config.workers = 2));
    let taken = vec![Listen::Tcp(server.address)];
    for workers in [1, 3] {
        let config = with(config(), |config| {
            config.listen = taken.clone();
            config.workers = workers;
        });
        let (events, _) = std::sync::mpsc::channel();
        let made = Workers::bind(&config, &TOWN, |worker| Town::new(worker, events.clone()));
        let Err(BindError::Listen(_, error)) = made.map(drop) else { panic!("bound twice") };
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let made = Reactor::bind(&config, &NO_ROUTES, Nothing);
        let Err(BindError::Listen(_, error)) = made.map(drop) else { panic!("bound twice") };
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
    // Nor does a server of one reactor lose its address to several.
    let free = Workers::bind(&with(config(), |config| config.workers = 1), &TOWN, |worker| {
        Town::new(worker, std::sync::mpsc::channel().0)
    })
    .unwrap();
    let listen = vec![Listen::Tcp(free.local_addr().unwrap())];
    let made = Workers::bind(
        &with(config(), |config| {
            config.listen = listen;
            config.workers = 2;
        }),
        &TOWN,
        |worker| Town::new(worker, std::sync::mpsc::channel().0),
    );
    assert!(made.is_err());
    for citizen in server.settle(1).iter_mut().flatten() {
        citizen.echo(b"undisturbed");
    }
}
