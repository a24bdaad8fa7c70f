//! What the application is told of a connection that a newer login replaces, in each order of the two ends.

use sysconn::frame::{CloseCode, Opcode};
use sysconn::sim::Client;
use sysconn::{Cause, ConnectionId};

use super::common::{frame, packet};
use super::town::{Told, Town, UNDECODABLE};

#[test]
fn closed_shows_that_a_connection_was_replaced_whatever_it_was_closing_for() {
    let application = CloseCode::new(4100).unwrap();
    type Act = fn(&mut Town, &mut Client, ConnectionId);
    let nothing: Act = |_, _, _| {};
    let kick: Act = |town, _, id| town.reactor.act(|_, effects| effects.kick(id));
    let close: Act =
        |town, _, id| town.reactor.act(|_, effects| effects.close(id, CloseCode::new(4100).unwrap()));
    let sends_garbage: Act = |_, client, _| {
        client.send(&packet(UNDECODABLE, 1, b""));
    };
    let replaced = vec![Told::Replaced, Told::Closed(Cause::Replaced, 7)];
    // What happens to the older connection before and after the newer login, and the Close that it gets.
    let cases: [(&str, Act, Act, u16, Vec<Told>); 6] = [
        ("replaced", nothing, nothing, 4007, replaced.clone()),
        ("kicked, then replaced", kick, nothing, 4010, replaced.clone()),
        ("closed, then replaced", close, nothing, 4100, replaced.clone()),
        ("closed for its Data, then replaced", sends_garbage, nothing, 4001, replaced.clone()),
        ("replaced, then kicked", nothing, kick, 4007, replaced),
        (
            "logged out, then closed",
            logout_and_close,
            nothing,
            4100,
            vec![Told::Closed(Cause::Application(application), 0)],
        ),
    ];
    for (name, before, after, code, told) in cases {
        let mut town = Town::new();
        let (mut older, id) = town.logged_in();
        before(&mut town, &mut older, id);
        town.turns();
        assert_eq!(town.told(id), [], "{name}: the client has not ended its side");
        let (_newer, newer_id) = town.logged_in();
        after(&mut town, &mut older, id);
        town.turns();
        assert_eq!(town.close_of(&mut older), Some(code), "{name}");
        older.send(&frame(Opcode::Close, &code.to_be_bytes()));
        older.finish();
        town.turns();
        assert_eq!(town.told(id), told, "{name}");
        assert_eq!(town.told(newer_id), [], "{name}");
    }
}

fn logout_and_close(town: &mut Town, _: &mut Client, id: ConnectionId) {
    town.reactor.act(|_, effects| {
        effects.logout(id);
        effects.close(id, CloseCode::new(4100).unwrap());
    });
}

#[test]
fn a_connection_that_was_gone_before_the_login_was_not_replaced() {
    let mut town = Town::new();
    let (mut older, id) = town.logged_in();
    older.reset();
    town.turns();
    let (_newer, newer_id) = town.logged_in();
    assert_eq!(town.told(id), [Told::Closed(Cause::Reset, 7)]);
    assert_eq!(town.told(newer_id), []);
}
