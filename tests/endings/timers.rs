//! Timers: which events extend them, and which do not.

use sysconn::Cause;
use sysconn::frame::{CloseCode, Opcode};
use sysconn::upgrade::Refusal;

use crate::arena::{ArenaServer, CLOSE, DEFER, ECHO, SINK, login};
use crate::common::{Client, Frame, PATIENCE, SHORT, UPGRADE, config, frame, join, packet, part, with};
use crate::{arena, common};

#[test]
fn an_upgrade_that_is_not_complete_in_time_is_refused() {
    let server = ArenaServer::new(&with(config(), |config| config.timers.handshake = Some(SHORT)));
    for sent in [&UPGRADE[..0], &UPGRADE[..20], &UPGRADE[..UPGRADE.len() - 1]] {
        let mut client = Client::raw(server.address);
        client.send(sent);
        let (status, _, _) = client.read_refusal();
        assert_eq!(status, Refusal::TooSlow.status());
    }
    assert_eq!(Refusal::TooSlow.status(), 408);
}

/// Sends Pings until the server has closed: they are not packets, and do not extend a message.
fn ping_until_closed(client: &mut Client, code: u16) {
    loop {
        client.send(&frame(Opcode::Ping, b"still here"));
        match client.next() {
            Frame::Pong(_) => {}
            other => {
                assert_eq!(other, Frame::Close(Some(code)));
                return;
            }
        }
    }
}

#[test]
fn pings_extend_neither_the_client_check_nor_a_message() {
    let idle = with(config(), |config| config.timers.client_check = Some(SHORT));
    let server = ArenaServer::new(&idle);
    ping_until_closed(&mut Client::connect(server.address), 4003);
    assert_eq!(server.closed().1, Cause::Idle);

    let slow = with(config(), |config| config.timers.read = Some(SHORT));
    let server = ArenaServer::new(&slow);
    let mut client = Client::connect(server.address);
    client.send(&part(false, Opcode::Binary, b"a part"));
    ping_until_closed(&mut client, 4009);
    drop(client);
    assert_eq!(server.closed().1, Cause::ReadTimedOut);
}

#[test]
fn packets_do_not_put_off_the_account_check_and_a_logout_starts_it_anew() {
    let server = ArenaServer::new(&with(config(), |config| config.timers.account_check = Some(SHORT)));
    let mut client = Client::connect(server.address);
    loop {
        client.send_packet(SINK, 0, b"");
        client.send_packet(ECHO, 0, b"busy");
        match client.next() {
            Frame::Binary(_) => {}
            other => {
                assert_eq!(other, Frame::Close(Some(4004)));
                break;
            }
        }
    }
    drop(client);
    assert_eq!(server.closed().1, Cause::NeverLoggedIn);

    // A client that is logged in stays, while the whole time of another client passes.
    let mut player = Client::raw(server.address);
    player.send(&join(&[UPGRADE, &login(5)]));
    player.read_upgraded();
    assert_eq!(player.reply().cmd, arena::LOGIN);
    let mut other = Client::connect(server.address);
    other.expect_close(4004, "another one who does not log in");
    player.ask(b"still here");
    player.send_packet(arena::LOGOUT, 0, b"");
    assert_eq!(player.reply().cmd, arena::LOGOUT);
    player.expect_close(4004, "after the logout");
}

#[test]
fn a_client_that_waits_for_a_reply_is_not_timed_out() {
    let server = ArenaServer::new(&with(config(), |config| {
        config.timers.read = Some(SHORT);
        config.timers.client_check = Some(SHORT);
    }));
    let mut waiting = Client::raw(server.address);
    waiting.send(&join(&[UPGRADE, &packet(DEFER, 1, b"")]));
    waiting.read_upgraded();
    let ticket = server.ticket();
    let mut silent = Client::connect(server.address);
    assert!(matches!(silent.next(), Frame::Close(Some(4003 | 4009))));
    ticket.reply(*b"late");
    assert_eq!(waiting.reply().data, b"late");
    // Its silence is counted from here again.
    assert!(matches!(waiting.next(), Frame::Close(Some(4003 | 4009))));
}

#[test]
fn a_silent_client_is_pinged_and_housekeeping_repeats() {
    let server = ArenaServer::new(&with(config(), |config| {
        config.timers.ping_interval = Some(SHORT);
        config.timers.housekeeping = Some(SHORT);
    }));
    let mut client = Client::connect(server.address);
    let handle = server.handle_of(&mut client);
    for _ in 0..3 {
        assert_eq!(client.next(), Frame::Ping(vec![]));
    }
    common::eventually("housekeeping", || server.snapshot(&handle).record.loop_counter() >= 2);
}

#[test]
fn a_client_that_ignores_the_close_is_disconnected() {
    let server = ArenaServer::new(&with(config(), |config| config.timers.close = SHORT));
    let (mut client, _link, told) = server.connect_linked();
    client.send_packet(CLOSE, 1, b"");
    client.expect_close(4100, "as asked");
    // It keeps its side open.
    assert_eq!(told.recv_timeout(PATIENCE), Ok(Cause::Application(CloseCode::new(4100).unwrap())));
    drop(client);
}
