//! A driver: does what the referee says, and reports what has become of it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Command;
use std::sync::mpsc::{TryRecvError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sysconn::frame::Opcode;

use super::common::{Client, Frame, Program, frame, upgrade_of};

/// How long a subject is left alone while nothing comes for it.
pub(crate) const TICK: Duration = Duration::from_millis(2);

/// A client under test.
pub(crate) trait Subject {
    /// Does what the referee says.
    fn obey(&mut self, command: &Value, events: &mut Vec<Value>);
    /// Does what is due, and waits a tick at most.
    fn poll(&mut self, events: &mut Vec<Value>);
}

/// What the referee says of a client.
pub(crate) struct Verdicts {
    pub(crate) status: i32,
    pub(crate) cases: Vec<(String, String)>,
    pub(crate) reasons: BTreeMap<String, String>,
}

/// Has a client judged, by the program with these arguments.
pub(crate) fn judge(arguments: &[&str], skip: &[&str], subject: impl Subject) -> Verdicts {
    let arguments = [&["referee", "--listen", "127.0.0.1:0", "--json"], arguments].concat();
    let mut program =
        Program::start_as(Command::new(env!("CARGO_BIN_EXE_sysconn")).args(arguments).env_clear());
    drive(&program, skip, subject);
    let (status, lines) = program.wait();
    let report: Value = serde_json::from_str(&lines.join("\n")).unwrap();
    let cases = report["cases"].as_array().unwrap();
    let text = |case: &Value, key| case[key].as_str().unwrap().to_owned();
    Verdicts {
        status: status.code().unwrap(),
        cases: cases.iter().map(|case| (text(case, "name"), text(case, "verdict"))).collect(),
        reasons: cases.iter().map(|case| (text(case, "name"), text(case, "reason"))).collect(),
    }
}

/// Serves the referee until it has finished.
fn drive(program: &Program, skip: &[&str], mut subject: impl Subject) {
    let mut control = Client::raw(program.address());
    control.stream.set_read_timeout(None).unwrap();
    let host = format!("Host: {}", program.address());
    let request = String::from_utf8(upgrade_of("/control", "")).unwrap().replace("Host: localhost", &host);
    control.upgrade(request.as_bytes());
    let mut writer = control.stream.try_clone().unwrap();
    let mut report = move |event: &Value| {
        // The referee may have finished.
        let _ = writer.write_all(&frame(Opcode::Text, event.to_string().as_bytes()));
    };
    report(&json!({"event": "hello", "name": "a client of tests", "skip": skip}));
    let (sender, commands) = channel();
    std::thread::spawn(move || {
        while let Frame::Text(text) = control.next() {
            let _ = sender.send(serde_json::from_slice::<Value>(&text).unwrap());
        }
    });
    let mut events = vec![];
    loop {
        match commands.try_recv() {
            Ok(command) => {
                subject.obey(&command, &mut events);
                if command["do"] == "end" {
                    events.push(json!({"event": "done"}));
                }
            }
            Err(TryRecvError::Empty) => subject.poll(&mut events),
            Err(TryRecvError::Disconnected) => return,
        }
        events.drain(..).for_each(|event| report(&event));
    }
}

/// Bytes from hex.
pub(crate) fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap().as_bytes();
    hex.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Bytes in hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[expect(clippy::disallowed_methods, reason = "a test has no other clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
