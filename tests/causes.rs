//! Compares the tables in docs/protocol.md with the code.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{PROTOCOL, table};
use sysconn::Cause;
use sysconn::frame::{Opcode, push_masked_frame};
use sysconn::packet::{ErrorId, Reply, Request, push_packet, push_request};
use sysconn::upgrade::{Fault, Refusal};

/// The variants of an enum in a file of `src/`, in their order.
fn variants(file: &str, name: &str) -> Vec<String> {
    let code = std::fs::read_to_string(format!("{}/src/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (_, code) = code.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let (body, _) = code.split_once("\n}").unwrap();
    let lines = body.lines().map(str::trim).filter(|line| line.starts_with(char::is_uppercase));
    lines.map(|line| word(line).to_owned()).collect()
}

/// The word at the beginning of a text.
fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap()
}

/// The names of values of an enum, each once.
fn names(values: &[impl std::fmt::Debug]) -> Vec<String> {
    let mut names: Vec<_> = values.iter().map(|value| word(&format!("{value:?}")).to_owned()).collect();
    names.dedup();
    names
}

/// The first cells of a cause's row.
fn row(cause: Cause) -> [String; 3] {
    let code = cause.close_code().map_or("none".to_owned(), |code| code.to_string());
    let reconnect = cause.reconnect().to_string();
    let name = format!("`{}`", word(&format!("{cause:?}")));
    match cause {
        Cause::PeerClosed(_) => [name, "the client's own".into(), reconnect],
        Cause::Application(_) => [name, "4100 and up".into(), reconnect],
        Cause::Refused(_) => [name, code, "see below".into()],
        _ => [name, code, reconnect],
    }
}

#[test]
fn every_cause_has_its_row() {
    assert_eq!(names(Cause::ALL), variants("cause.rs", "Cause"));
    let said: Vec<Vec<_>> =
        table("| Cause | Close code | Reconnect |").iter().map(|row| row[..3].to_vec()).collect();
    let true_rows: Vec<_> = Cause::ALL.iter().map(|cause| row(*cause).to_vec()).collect();
    assert_eq!(said, true_rows);
}

#[test]
fn every_refusal_has_its_row() {
    let refusals = [
        Refusal::BadRequest(Fault::Host),
        Refusal::Forbidden,
        Refusal::NotFound,
        Refusal::MethodNotAllowed,
        Refusal::TooSlow,
        Refusal::UpgradeRequired,
        Refusal::TooManyConnections,
        Refusal::HeadTooLarge,
        Refusal::Unavailable,
        Refusal::Application(418),
        Refusal::Application(500),
    ];
    assert_eq!(names(&refusals), variants("upgrade/refusal.rs", "Refusal"));
    let status = |refusal| match refusal {
        Refusal::Application(500..) => "any other 5xx".to_owned(),
        Refusal::Application(_) => "any other 4xx".to_owned(),
        listed => listed.status().to_string(),
    };
    let said: Vec<Vec<_>> = table("| Status | Reconnect |").iter().map(|row| row[..2].to_vec()).collect();
    let reconnect = |refusal| Cause::Refused(refusal).reconnect().to_string();
    let true_rows: Vec<_> =
        refusals.into_iter().map(|refusal| vec![status(refusal), reconnect(refusal)]).collect();
    assert_eq!(said, true_rows);
}

#[test]
fn the_documented_bytes_are_the_bytes_on_the_wire() {
    let request = |cmd, flag, data| {
        let mut packet = vec![];
        push_request(&mut packet, &Request { data_status: 0, flag, cmd, data });
        packet
    };
    let answer = |error_id, cmd, flag, data| {
        let mut frame = vec![];
        push_packet(&mut frame, &Reply { error_id, data_status: 0, flag, cmd, data });
        frame
    };
    let hello = request(1101, 7, b"hello");
    let mut masked = vec![];
    push_masked_frame(&mut masked, true, Opcode::Binary, [0x37, 0xfa, 0x21, 0x3d], &hello);
    let sent = [
        hello,
        masked,
        answer(ErrorId::NONE, 1101, 7, b"hello"),
        answer(ErrorId::UNKNOWN_COMMAND, 2000, 8, b""),
        request(1044, 9, b""),
    ];
    let hex = |line: &str| {
        line.split_whitespace().map(|byte| u8::from_str_radix(byte, 16)).collect::<Result<Vec<_>, _>>().ok()
    };
    let shown: Vec<_> =
        PROTOCOL.split("```text\n").skip(1).filter_map(|block| hex(block.lines().next()?)).collect();
    assert_eq!(shown, sent);
}
