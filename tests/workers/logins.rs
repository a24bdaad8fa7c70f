//! Logins by effects and by tickets, on whichever worker the connection is.

use std::sync::mpsc::channel;

use sysconn::{Cause, Effects, Identity, Login, LoginTicket, MailboxError};

use super::common::{PATIENCE, Reply, config, with};
use super::server::{Citizen, Server};
use super::town::{DEFER_LOGIN, Event, Town};

fn login_of(role_id: u64) -> Login {
    Login { identity: Identity { role_id, ..Identity::default() }, ..Login::default() }
}

/// Has a worker act on connections, and waits until all workers have done their part.
fn act(server: &Server, worker: usize, act: impl FnOnce(&mut Effects) + Send + 'static) {
    server.workers[0].call(worker, |_, effects| act(effects)).unwrap();
    // A call that comes after the other has been answered finds its mail delivered.
    server.catch_up();
    server.catch_up();
}

/// The ticket of a login that the client asks for.
fn ticket_of(server: &Server, citizen: &mut Citizen) -> LoginTicket {
    citizen.client.send_packet(DEFER_LOGIN, 5, b"");
    server.await_event(|event| match event {
        Event::LoggingIn(ticket) => Some(ticket),
        _ => None,
    })
}

#[test]
fn effects_and_tickets_log_in_and_replace_on_any_worker() {
    let server = Server::new(&with(config(), |config| config.workers = 2));
    for (by, older_on, newer_on) in (0..8).map(|bits| (bits & 1, bits >> 1 & 1, bits >> 2)) {
        for by_effect in [true, false] {
            let case = format!("from {older_on} to {newer_on} by {by}, effect: {by_effect}");
            let mut citizens = server.settle(2);
            let mut older = citizens[older_on].pop().unwrap();
            let mut newer = citizens[newer_on].pop().unwrap();
            let id = older.id;
            act(&server, by, move |effects| effects.login(id, login_of(7)).unwrap());
            assert_eq!(server.with_role(7), [id], "{case}");

            let ticket = ticket_of(&server, &mut newer);
            if by_effect {
                act(&server, by, |effects| effects.reply_login(ticket, login_of(7), *b"in").unwrap());
            } else {
                ticket.login(login_of(7), *b"in").unwrap();
            }
            assert_eq!(newer.client.reply(), Reply::new(DEFER_LOGIN, 5, b"in"), "{case}");
            older.client.expect_close(4007, &case);
            server.await_event(|event| matches!(event, Event::Replaced(of) if of == id).then_some(()));
            drop(older);
            let told = server.await_event(|event| match event {
                Event::Closed(of, cause) if of == id => Some(cause),
                Event::Replaced(of) => panic!("{of} is replaced: {case}"),
                _ => None,
            });
            assert_eq!(told, Cause::Replaced, "{case}");
            assert_eq!(server.with_role(7), [newer.id], "{case}");

            let id = newer.id;
            act(&server, by, move |effects| effects.logout(id));
            assert_eq!(server.with_role(7), [], "{case}");
            newer.echo(b"logged out, and connected");
        }
    }
}

#[test]
fn a_full_mailbox_loses_no_login_and_no_logout() {
    let server = Server::new(&with(config(), |config| {
        config.workers = 2;
        config.reactor.mailbox_limit = 4;
    }));
    let mut citizens = server.settle(2).swap_remove(1);
    citizens[0].login(6);
    let (out, into) = (citizens[0].id, citizens[1].id);
    let busy = server.block(1);
    while server.workers[0].call(1, |_, _| ()) != Err(MailboxError::Full) {}
    let acts = move |_: &mut Town, effects: &mut Effects| {
        effects.logout(out);
        effects.login(into, login_of(7)).unwrap();
    };
    server.workers[0].call(0, acts).unwrap();
    // The effects have been forwarded when the next call comes.
    let (done, is_done) = channel();
    server.workers[0].call(0, move |_, _| done.send(()).unwrap()).unwrap();
    is_done.recv_timeout(PATIENCE).unwrap();
    drop(busy);
    server.catch_up();
    server.catch_up();
    assert_eq!((server.with_role(6), server.with_role(7)), (vec![], vec![into]));
}
