//! Many logins at once, clients that leave meanwhile, and a full queue.

use std::collections::BTreeSet;

use super::common::{UPGRADE, eventually};
use super::platform::code_of;
use super::{Client, Server};

/// Logins that the program works on at once: those that its threads ask for, and those that wait.
const MOST: usize = 4 + 256;

#[test]
fn a_thousand_logins_at_once_go_over_four_connections() {
    for workers in ["1", "3"] {
        let server = Server::start(&["--workers", workers]);
        let mut clients: Vec<Client> = (0..1000).map(|_| server.connect()).collect();
        let mut waiting: Vec<_> = (0..1000).collect();
        let mut roles = BTreeSet::new();
        // Those that are turned away come again.
        while !waiting.is_empty() {
            for number in &waiting {
                clients[*number].ask_wechat(&code_of(&format!("o{number}")), 1);
            }
            waiting.retain(|number| match clients[*number].read_wechat() {
                Ok(told) => !roles.insert(told.role_id),
                Err(error_id) => error_id == 6,
            });
        }
        assert_eq!(roles.len(), 1000);
        assert_eq!(
            server.platform.requests(),
            1000,
            "those that were turned away did not reach the platform"
        );
        assert!(server.platform.most_open() <= 4, "{}", server.platform.most_open());
        assert_eq!(server.platform.wrong(), [""; 0]);
        clients[0].echo(b"goes on");
    }
}

#[test]
fn a_full_queue_refuses_and_those_who_leave_are_not_asked_for() {
    let server = Server::start(&["--wechat-timeout", "60s"]);
    server.platform.hold();
    let mut clients: Vec<Client> = (0..MOST).map(|_| server.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.ask_wechat(&code_of(&format!("o{number}")), 1);
        if number < 4 {
            // A thread has taken it before the next one comes.
            server.platform.wait_for_held(number + 1);
        }
    }
    // The reactor goes on meanwhile, with others and with the refusal of one more.
    let mut other = server.connect();
    other.echo(b"not disturbed");
    eventually("the queue is full", || server.answer(&code_of("one more")) == Err(6));

    clients.drain(MOST / 2..).for_each(Client::reset);
    let ended = || server.log().matches("connection ended").count();
    eventually("they are gone", || ended() >= MOST / 2);
    server.platform.release();
    for client in &mut clients {
        assert!(client.read_wechat().is_ok());
    }
    eventually("the queue is empty", || server.answer(&code_of("last")).is_ok());
    let requests = server.platform.requests();
    assert_eq!(requests, MOST / 2 + 1, "no code of those who left was used up");
    eventually("the log counts those that were turned away", || {
        server.log().contains("logins were refused, since 256 waited already")
    });
}

/// A server whose clients come through a proxy, and whose platform does not answer.
fn server_of_many() -> Server {
    let server =
        Server::start(&["--wechat-timeout", "60s", "--proxy-protocol", "127.0.0.1", "--auth", "open"]);
    server.platform.hold();
    server
}

/// Connects from an address, and asks.
fn ask_from(server: &Server, address: &str, account: &str) -> Client {
    let mut client = Client::raw(server.program.address());
    client.send(format!("PROXY TCP4 {address} 127.0.0.1 4711 9001\r\n").as_bytes());
    client.send(UPGRADE);
    client.read_upgraded();
    client.ask_wechat(&code_of(account), 1);
    client
}

/// Clients of one address use up the queue: those that the threads ask for, and those that wait.
fn fill(server: &Server, address: &str) -> Vec<Client> {
    let mut clients = vec![];
    for number in 0..MOST {
        clients.push(ask_from(server, address, &format!("{address}-{number}")));
        if number < 4 {
            server.platform.wait_for_held(number + 1);
        }
    }
    let mut more = ask_from(server, address, "more");
    assert_eq!(more.read_wechat(), Err(6), "the queue is full");
    clients
}

#[test]
fn one_address_that_fills_the_queue_keeps_no_other_from_its_login() {
    let server = server_of_many();
    let mut many = fill(&server, "192.0.2.1");
    let mut others: Vec<_> = (1..=3)
        .map(|host| ask_from(&server, &format!("198.51.100.{host}"), &format!("other-{host}")))
        .collect();
    let turned_away = many.split_off(MOST - others.len());
    for mut client in turned_away {
        assert_eq!(client.read_wechat(), Err(6), "the newest of the address with most make room");
    }
    server.platform.release();
    for client in others.iter_mut().chain(&mut many) {
        assert!(client.read_wechat().is_ok());
    }
}

#[test]
fn clients_that_have_left_take_up_no_place() {
    let server = server_of_many();
    let mut clients = fill(&server, "192.0.2.1");
    clients.drain(4..).for_each(Client::reset);
    eventually("they are gone", || server.log().matches("connection ended").count() > MOST - 4);
    let mut newer: Vec<_> =
        (0..MOST - 4).map(|number| ask_from(&server, "192.0.2.1", &format!("newer-{number}"))).collect();
    server.platform.release();
    for client in clients.iter_mut().chain(&mut newer) {
        assert!(client.read_wechat().is_ok());
    }
}

#[test]
fn an_address_that_sends_bad_codes_in_masses_is_not_asked_for() {
    let server = Server::start(&["--proxy-protocol", "127.0.0.1", "--auth", "open"]);
    let mut guesser = ask_from(&server, "203.0.113.1", "first");
    assert!(guesser.read_wechat().is_ok());
    for _ in 0..600 {
        assert_eq!(guesser.wechat("errcode-40029", 1), Err(7));
    }
    let requests = server.platform.requests();
    assert_eq!(guesser.wechat(&code_of("first"), 1), Err(6));
    assert_eq!(ask_from(&server, "203.0.113.1", "first").read_wechat().err(), Some(6), "on any connection");
    assert_eq!(server.platform.requests(), requests, "it is not asked");
    assert!(ask_from(&server, "203.0.113.2", "other").read_wechat().is_ok());
    eventually("the log counts them", || {
        server.log().contains("2 logins were refused, since the platform has refused 600 codes")
    });
}
