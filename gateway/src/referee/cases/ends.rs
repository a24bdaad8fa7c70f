//! Group 4: what a client says of the end of its connection.

use sysconn::Reconnect;
use sysconn::client::Ended;
use sysconn::frame::Opcode;

use super::super::message::{Command, Event};
use super::super::peer::frame;
use super::super::stage::{CMD, Judged, Stage};
use super::{Unnumbered, case};

/// The codes of servers of this library, and some of others.
pub(super) const CODES: [u16; 26] = [
    1000, 1001, 1002, 1003, 1007, 1009, 1011, 1012, 1013, 1014, 3000, 4000, 4001, 4002, 4003, 4004, 4005,
    4006, 4007, 4008, 4009, 4010, 4011, 4099, 4100, 4999,
];
/// What clients report for a Close without a code, and for no Close (RFC 6455 §7.4.1).
const NO_CODE: u16 = 1005;
const NO_CLOSE: u16 = 1006;

pub(super) fn cases() -> Vec<Unnumbered> {
    let mut cases = vec![
        case("no-close", "ends calls when the connection ends without a Close: 1006", no_close),
        case("no-code", "ends calls when a Close without a code comes: 1005", no_code),
        case("violation", "ends calls when the server breaks RFC 6455", violation),
        case("own-close", "closes with 1000 when it is told to, and ends calls", own_close),
        case("all-calls", "ends every call exactly once", all_calls),
    ];
    cases.extend(CODES.map(|code| Unnumbered {
        name: format!("code-{code}"),
        about: format!("answers a Close with {code}, and advises to reconnect {}", reconnect(code)),
        run: Box::new(move |stage| closed(stage, Some(code), code)),
    }));
    cases
}

/// What clients should do after a close code.
pub(super) fn reconnect(code: u16) -> Reconnect {
    Ended { code, reason: String::new() }.advice()
}

fn ended(id: u32, code: u16, reason: &str) -> Event {
    let (reason, advice) = (reason.to_owned(), reconnect(code).to_string());
    Event::Ended { id, code, reason, advice, may_have_run: true }
}

fn closed(stage: &mut Stage<'_>, code: Option<u16>, reported: u16) -> Judged {
    let reason = if code.is_some() { "the reason, 理由" } else { "" };
    let mut peer = stage.connect(stage.settings())?;
    stage.call(1, CMD, b"?")?;
    peer.request_of(CMD, b"?")?;
    peer.close(code, reason)?;
    stage.expect(&ended(1, reported, reason))
}

fn no_code(stage: &mut Stage<'_>) -> Judged {
    closed(stage, None, NO_CODE)
}

fn no_close(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    stage.call(1, CMD, b"?")?;
    peer.request_of(CMD, b"?")?;
    peer.drop_line();
    stage.expect(&ended(1, NO_CLOSE, ""))
}

fn violation(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    stage.call(1, CMD, b"?")?;
    peer.request_of(CMD, b"?")?;
    let mut reserved = frame(Opcode::Binary, b"?");
    if let Some(first) = reserved.first_mut() {
        *first |= 0x30;
    }
    peer.send(&[reserved])?;
    // Some clients report the end only once the server has ended its side too.
    peer.expect_end()?;
    peer.drop_line();
    stage.expect_ended(1, true)
}

fn own_close(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    stage.call(1, CMD, b"?")?;
    peer.request_of(CMD, b"?")?;
    stage.tell(&Command::Close)?;
    peer.expect_close(1000)?;
    stage.expect_ended(1, true)
}

fn all_calls(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    for id in 1..=10 {
        stage.call(id, CMD, b"?")?;
        let flag = peer.request_of(CMD, b"?")?;
        if id == 5 {
            peer.reply(CMD, flag, b"!")?;
            stage.expect_reply(id, b"!")?;
        }
    }
    peer.drop_line();
    let mut open: Vec<u32> = (1..=10).filter(|id| *id != 5).collect();
    while !open.is_empty() {
        match stage.event()? {
            Event::Ended { id, may_have_run: true, .. } if open.contains(&id) => {
                open.retain(|other| *other != id)
            }
            event => return Err(format!("expected that the calls {open:?} end, not {}", event.brief())),
        }
    }
    Ok(())
}
