//! A server that stalls for 200 ms every 2 s: an open loop shows it, a closed loop hides it.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::echoes::{Fault, echo};
use crate::{run, time};

/// How long the server holds all replies back.
const STALL: Duration = Duration::from_millis(200);
/// How often.
const PERIOD: Duration = Duration::from_secs(2);

/// An echo that stalls.
fn stalling() -> String {
    let gate = Arc::new(Mutex::new(()));
    let stalls = Arc::clone(&gate);
    thread::spawn(move || {
        loop {
            thread::sleep(PERIOD - STALL);
            let _stall = stalls.lock().unwrap();
            thread::sleep(STALL);
        }
    });
    echo(Fault::None, move || drop(gate.lock().unwrap()))
}

fn measure(rate: &[&str]) -> Value {
    let arguments = ["--echo", "--connections", "4", "--warmup", "0", "--duration", "4s", "--output", "json"];
    let ended = run(&stalling(), &[&arguments[..], rate].concat());
    assert_eq!(ended.status, 0, "{}", ended.output);
    ended.json()
}

#[test]
fn an_open_loop_shows_a_stall_that_a_closed_loop_hides() {
    let open = thread::spawn(|| measure(&["--rate", "400"]));
    let closed = measure(&[]);
    let open = open.join().unwrap();
    // A tenth of the requests is due within a stall, and half of those wait for 100 ms or more.
    let (shown, usual) = (time(&open, "latency_us", "p999"), time(&open, "latency_us", "p50"));
    assert!(shown >= 100_000.0 && usual < 100_000.0, "{open}");
    // In the closed loop at most 4 requests wait in each stall, of thousands.
    assert!(time(&closed, "latency_us", "p99") < 100_000.0, "{closed}");
    assert!(time(&closed, "latency_us", "max") >= 100_000.0, "the server did stall: {closed}");
}
