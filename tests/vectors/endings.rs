//! Close codes, and what a client does after each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sysconn::frame::{self, CloseCode};
use sysconn::packet::Undecodable;
use sysconn::{Cause, Reconnect};

use crate::{array, check, docs};

/// Codes without a cause: no code, no Close frame, those of proxies, and those without a meaning.
const OTHERS: [u16; 9] = [1005, 1006, 1012, 1013, 1014, 1015, 3000, 4011, 4999];

/// The advice of each close code that a cause has.
fn advice() -> BTreeMap<u16, &'static str> {
    let causes = [
        Cause::PeerClosed(Some(CloseCode::NORMAL)),
        Cause::GoingAway,
        Cause::Protocol(frame::Error::UnmaskedFrame),
        Cause::Protocol(frame::Error::Text),
        Cause::Protocol(frame::Error::BadUtf8),
        Cause::Protocol(frame::Error::TooBig),
        Cause::HandlerFailed,
        Cause::ShortPacket,
        Cause::Undecodable(Undecodable::Zlib),
        Cause::BadRequests,
        Cause::Idle,
        Cause::NeverLoggedIn,
        Cause::ObjectEnded,
        Cause::ObjectCrashed,
        Cause::Replaced,
        Cause::OutboxFull,
        Cause::ReadTimedOut,
        Cause::Operator,
        Cause::Application(CloseCode::new(4100).unwrap()),
    ];
    let word = |cause: Cause| match cause.reconnect() {
        Reconnect::Now => "now",
        Reconnect::Later => "later",
        Reconnect::Never => "never",
    };
    let code = |cause: Cause| cause.close_code().unwrap().to_string().parse().unwrap();
    causes.into_iter().map(|cause| (code(cause), word(cause))).collect()
}

/// tests/causes.rs holds the protocol's table against all variants of `Cause`; so none is missing here.
#[test]
fn each_cause_of_the_protocol_is_there() {
    let rows = docs::table("| Cause | Close code | Reconnect |");
    let listed: BTreeMap<u16, &str> = rows
        .into_iter()
        .filter_map(|row| match row[1] {
            "none" => None,
            "the client's own" => Some((1000, row[2])),
            code => Some((code.split(' ').next()?.parse().ok()?, row[2])),
        })
        .collect();
    assert_eq!(advice(), listed);
}

#[test]
fn the_vectors_have_the_advice() {
    let others = OTHERS.map(|code| (code, "later"));
    let all = advice().into_iter().chain(others);
    let lines = all.map(|(code, advice)| format!(r#"{{"code": {code}, "advice": "{advice}"}}"#));
    check("clients/vectors/advice.json", &array(lines));
}

#[test]
fn the_javascript_client_has_the_advice() {
    let mut text = String::from(
        "// @generated from src/cause.rs by tests/vectors; changes here are lost.\n\n\
         import type { Advice } from \"./errors.js\";\n\n\
         /** Whether to connect again after each close code; after any other, \"later\". */\n\
         export const ADVICE: { [code: number]: Advice | undefined } = {\n",
    );
    for (code, advice) in advice() {
        if advice != "later" {
            let _ = writeln!(text, "  {code}: \"{advice}\",");
        }
    }
    text.push_str("};\n");
    check("clients/js/src/advice.ts", &text);
}
