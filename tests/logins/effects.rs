//! Logins by effects and by tickets: each counts before what follows it.

use sysconn::LoginError;
use sysconn::frame::CloseCode;

use super::common::packet;
use super::town::{DECIDE, IN, LATER, LOGIN, OUT, PUSHED, ROLE, Told, Town, login_of};

#[test]
fn effects_log_in_and_replace_at_once() {
    let mut town = Town::new();
    let ids: Vec<_> =
        (0..3).map(|_| town.connect()).map(|client| (client.connection().unwrap(), client)).collect();
    let [a, b, c] = [ids[0].0, ids[1].0, ids[2].0];
    // Within one list of effects each login counts before the next: nobody is told twice.
    town.reactor.act(|_, effects| {
        assert_eq!(effects.login(a, login_of(0)), Err(LoginError::NoRole));
        for id in [a, b] {
            effects.login(id, login_of(7)).unwrap();
        }
        effects.logout(a);
        effects.login(a, login_of(7)).unwrap();
        effects.login(c, login_of(7)).unwrap();
    });
    town.turns();
    // The first was closing when it was to log in again.
    assert_eq!((town.told(a), town.told(b)), (vec![Told::Replaced], vec![Told::Replaced]));
    assert_eq!(town.told(c), []);
    let (_newer, newer_id) = town.logged_in();
    assert_eq!((town.told(c), town.told(newer_id)), (vec![Told::Replaced], vec![]));
}

#[test]
fn a_ticket_that_logs_in_replaces_before_any_other_effect() {
    for (name, of_mail) in [("by an effect", false), ("by mail", true)] {
        let mut town = Town::new();
        let (mut older, id) = town.logged_in();
        let mut newer = town.connect();
        newer.send(&packet(LATER, 1, b""));
        town.turns();
        let newer_id = newer.connection().unwrap();
        town.reactor.act(|game, effects| {
            let ticket = game.tickets.pop().unwrap();
            if of_mail {
                ticket.login(login_of(7), *b"").unwrap();
                return;
            }
            effects.reply_login(ticket, login_of(7), *b"").unwrap();
            // The older connection is closing by then, so neither of these has an effect on it.
            effects.close(id, CloseCode::new(4100).unwrap());
            effects.login(id, login_of(8)).unwrap();
        });
        town.turns();
        assert_eq!((town.told(id), town.told(newer_id)), (vec![Told::Replaced], vec![]), "{name}");
        assert_eq!(town.close_of(&mut older), Some(4007), "{name}");
        assert_eq!(town.close_of(&mut newer), None, "{name}");
    }
}

#[test]
fn a_connection_is_told_once_that_it_was_replaced() {
    let mut town = Town::new();
    let (mut older, id) = town.logged_in();
    let (between, mut newest) = (town.connect(), town.connect());
    let [b, c] = [&between, &newest].map(|client| client.connection().unwrap());
    // The handler of the third connection asks for these, and then logs in itself.
    town.reactor.act(|game, _| game.effects = vec![(id, 8), (id, 7), (b, 7)]);
    newest.send(&packet(LOGIN, 1, b""));
    town.turns();
    assert_eq!((town.told(id), town.close_of(&mut older)), (vec![Told::Replaced], Some(4007)));
    assert_eq!((town.told(b), town.told(c)), (vec![], vec![Told::Replaced]));
}

#[test]
fn an_effect_on_the_own_connection_counts_for_its_next_packet() {
    // The packets of one read, and what the client is sent.
    type Case = (&'static [u16], &'static [(u16, u16)]);
    let cases: [Case; 4] = [
        (&[ROLE, IN, ROLE], &[(ROLE, 3), (IN, 0), (PUSHED, 0), (ROLE, 0)]),
        (&[LOGIN, ROLE, OUT, ROLE], &[(LOGIN, 0), (ROLE, 0), (OUT, 0), (ROLE, 3)]),
        (&[LATER, DECIDE, ROLE], &[(DECIDE, 0), (LATER, 0), (ROLE, 0)]),
        (&[IN, OUT, IN, ROLE], &[(IN, 0), (PUSHED, 0), (OUT, 0), (IN, 0), (PUSHED, 0), (ROLE, 0)]),
    ];
    for (cmds, expected) in cases {
        let mut town = Town::new();
        let mut client = town.connect();
        client.send(&cmds.iter().flat_map(|cmd| packet(*cmd, 1, b"")).collect::<Vec<_>>());
        town.turns();
        assert_eq!(town.packets_of(&mut client), expected, "{cmds:?}");
    }
    // Packets that come with the request for the upgrade.
    let mut town = Town::new();
    town.reactor.act(|game, _| game.logs_guests_in = true);
    let mut client = town.connect_with(&packet(ROLE, 1, b""));
    assert_eq!(town.packets_of(&mut client), [(ROLE, 0)]);
}
