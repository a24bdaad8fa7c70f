//! Group 3: refusals, packets with an ErrorID.

use super::super::message::Event;
use super::super::peer::packet;
use super::super::stage::{CMD, Judged, Stage};
use super::{Unnumbered, case};

pub(super) fn cases() -> Vec<Unnumbered> {
    vec![
        case("error-ids", "reports each ErrorID to the call, and goes on", error_ids),
        case("one-of-many", "fails the call that was refused, and no other", one_of_many),
        case("with-data", "takes a packet with an ErrorID for a refusal, also with Data", with_data),
    ]
}

fn error_ids(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    for (id, error) in (1..).zip([1, 2, 3, 4, 5, 6, 7, 99, 100, 256, u16::MAX]) {
        stage.call(id, CMD, b"?")?;
        let flag = peer.request_of(CMD, b"?")?;
        peer.refuse(CMD, flag, error)?;
        stage.expect(&Event::Refused { id, error })?;
    }
    Ok(())
}

fn one_of_many(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    stage.call(1, CMD, b"1")?;
    let first = peer.request_of(CMD, b"1")?;
    stage.call(2, CMD, b"2")?;
    let second = peer.request_of(CMD, b"2")?;
    peer.refuse(CMD, second, 100)?;
    stage.expect(&Event::Refused { id: 2, error: 100 })?;
    peer.reply(CMD, first, b"!")?;
    stage.expect_reply(1, b"!")
}

fn with_data(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.settings())?;
    stage.call(1, CMD, b"?")?;
    let flag = peer.request_of(CMD, b"?")?;
    peer.send(&[packet(101, 0, flag, CMD, b"why")])?;
    stage.expect(&Event::Refused { id: 1, error: 101 })
}
