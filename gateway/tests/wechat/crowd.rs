//! Many logins at once, clients that leave meanwhile, and a full queue.

use std::collections::BTreeSet;

use super::common::eventually;
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
