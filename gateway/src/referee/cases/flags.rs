//! Group 2: Flags, by which replies find their calls.

use super::super::message::{Command, Event, Settings, hex};
use super::super::stage::{CMD, Judged, NEVER_MS, Stage};
use super::{Unnumbered, case};

/// A Flag that no client of a few calls has used.
const UNUSED: u32 = 0x7fff_0000;

pub(super) fn cases() -> Vec<Unnumbered> {
    vec![
        case("crossed", "gives each of several calls its own reply, in any order", crossed),
        case("push-between", "takes Flag 0 for a push, also while it waits for that command", push_between),
        case("late", "drops a reply that comes after the time-out of its call", late),
        case("doubled", "drops the second reply to a call", doubled),
        case("unknown", "drops a reply to a Flag that it has not used", unknown),
        case("stream", "takes several replies to one request, in order", stream),
        case("stream-stopped", "drops replies to a stream that it has stopped", stream_stopped),
        case("timeout", "gives a call up in time, and goes on", timeout),
        case("wrap", "goes on with Flags behind the last one, and never uses 0", wrap),
    ]
}

fn crossed(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    let mut flags = Vec::new();
    for id in 1..=3 {
        stage.call(u32::from(id), CMD, &[id])?;
        flags.push(peer.request_of(CMD, &[id])?);
    }
    let mut distinct = flags.clone();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < flags.len() {
        return Err(format!("calls at the same time have the same Flag: {flags:?}"));
    }
    for (id, flag) in (1..=3).zip(flags).rev() {
        peer.reply(CMD, flag, &[id])?;
        stage.expect_reply(u32::from(id), &[id])?;
    }
    Ok(())
}

fn push_between(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    stage.call(1, CMD, b"?")?;
    let flag = peer.request_of(CMD, b"?")?;
    peer.push(CMD, b"push")?;
    peer.reply(CMD, flag, b"reply")?;
    stage.expect_push(CMD, b"push")?;
    stage.expect_reply(1, b"reply")
}

fn late(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    stage.call_within(1, CMD, b"first", 50)?;
    let first = peer.request_of(CMD, b"first")?;
    stage.expect(&Event::Timeout { id: 1 })?;
    stage.call(2, CMD, b"second")?;
    let second = peer.request_of(CMD, b"second")?;
    peer.reply(CMD, first, b"late")?;
    peer.reply(CMD, second, b"mine")?;
    stage.expect_reply(2, b"mine")
}

/// Nothing may have come of a packet that was sent before: a push comes next.
fn nothing_came(stage: &mut Stage<'_>, peer: &mut super::super::peer::Peer) -> Judged {
    peer.push(CMD, b"fence")?;
    stage.expect_push(CMD, b"fence")
}

fn doubled(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    stage.call(1, CMD, b"?")?;
    let flag = peer.request_of(CMD, b"?")?;
    peer.reply(CMD, flag, b"once")?;
    peer.reply(CMD, flag, b"twice")?;
    stage.expect_reply(1, b"once")?;
    nothing_came(stage, &mut peer)
}

fn unknown(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    stage.expect_open()?;
    for flag in [UNUSED, u32::MAX, 1 << 31] {
        peer.reply(CMD, flag, b"whose?")?;
        peer.refuse(CMD, flag, 5)?;
    }
    nothing_came(stage, &mut peer)
}

fn begin_stream(stage: &mut Stage<'_>) -> Judged {
    stage.tell(&Command::Stream { id: 1, cmd: CMD, data: hex(b"many"), timeout_ms: NEVER_MS })
}

fn stream(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    begin_stream(stage)?;
    let flag = peer.request_of(CMD, b"many")?;
    for index in 0..50 {
        peer.reply(CMD, flag, &[index])?;
        peer.push(CMD, &[index])?;
    }
    let (mut replies, mut pushes) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        match stage.event()? {
            Event::Reply { id: 1, data } => replies.push(data),
            Event::Push { cmd: CMD, data } => pushes.push(data),
            event => return Err(format!("expected replies and pushes, not {}", event.brief())),
        }
    }
    let sent: Vec<_> = (0..50).map(|index| hex(&[index])).collect();
    if replies == sent && pushes == sent {
        Ok(())
    } else {
        Err("replies or pushes are out of order".to_owned())
    }
}

fn stream_stopped(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    begin_stream(stage)?;
    let flag = peer.request_of(CMD, b"many")?;
    peer.reply(CMD, flag, b"one")?;
    stage.expect_reply(1, b"one")?;
    stage.tell(&Command::Stop { id: 1 })?;
    // The call shows that the driver has stopped the stream.
    stage.call(2, CMD, b"?")?;
    let second = peer.request_of(CMD, b"?")?;
    peer.reply(CMD, flag, b"two")?;
    peer.reply(CMD, second, b"!")?;
    stage.expect_reply(2, b"!")
}

fn timeout(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    stage.call_within(1, CMD, b"?", 50)?;
    peer.request_of(CMD, b"?")?;
    stage.expect(&Event::Timeout { id: 1 })?;
    stage.call(2, CMD, b"?")?;
    let flag = peer.request_of(CMD, b"?")?;
    peer.reply(CMD, flag, b"!")?;
    stage.expect_reply(2, b"!")
}

fn wrap(stage: &mut Stage<'_>) -> Judged {
    let settings = Settings { last_flag: u32::MAX - 1, ..stage.settings() };
    let mut peer = stage.connect(settings)?;
    stage.call(1, CMD, b"1")?;
    let last = peer.request_of(CMD, b"1")?;
    if last != u32::MAX {
        return Err(format!("expected that Flags count on from lastFlag, not {last}"));
    }
    stage.call(2, CMD, b"2")?;
    let next = peer.request_of(CMD, b"2")?;
    if next == last {
        return Err("a Flag in use is used again".to_owned());
    }
    peer.reply(CMD, next, b"two")?;
    stage.expect_reply(2, b"two")?;
    peer.reply(CMD, last, b"one")?;
    stage.expect_reply(1, b"one")
}
