//! Log lines that others can cause are limited, and those left out are reported as a count.

use std::cell::RefCell;

use bytes::Bytes;
use log::{Level, LevelFilter, Log, Metadata, Record};
use sysconn_cluster::wire::{self, GoodBye, Heartbeat, Login, Message, Request, Sender, Subject};
use sysconn_cluster::{MAX_NODES, NodeName, What};

use crate::forger::{Forger, Rules};

thread_local! {
    /// The lines of a test: a simulation runs on its test's thread.
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Kept;

impl Log for Kept {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Info
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            LINES.with_borrow_mut(|lines| lines.push(record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

/// The messages of each sort.
const MANY: u64 = 300;
/// The lines of each sort at once.
const BURST: usize = 20;

/// Sends a message of a start of some node.
fn send(forger: &Forger, incarnation: u64, ahead_ms: u64, version: u8, message: impl Into<Message>) {
    let sender = Sender { name: NodeName::new("b").unwrap(), incarnation };
    let mut payload = wire::write(forger.clock(ahead_ms), &sender, &message.into()).to_vec();
    payload[0] = version;
    forger.send_bytes(&Subject::Nodes, payload.into());
}

fn heartbeat(version: u8, is_draining: bool) -> Heartbeat {
    Heartbeat { oldest: version.into(), newest: version.into(), is_draining }
}

/// Keeps the lines of this thread from now on.
fn keep_lines() {
    // Another test may have been first.
    let _ = log::set_logger(&Kept);
    log::set_max_level(LevelFilter::Info);
    LINES.take();
}

fn count(lines: &[String], part: &str) -> usize {
    lines.iter().filter(|line| line.contains(part)).count()
}

/// A part of the line that is meant, and what causes it, each time with another number.
type Cause = (&'static str, fn(&Forger, u64));

const CAUSES: [Cause; 9] = [
    ("is there", |forger, number| {
        send(forger, number, 0, 1, heartbeat(1, false));
        send(forger, number, 0, 1, GoodBye {});
    }),
    ("has said good-bye", |forger, number| {
        send(forger, number, 0, 1, heartbeat(1, false));
        send(forger, number, 0, 1, GoodBye {});
    }),
    ("drains", |forger, number| {
        send(forger, 1, 0, 1, heartbeat(1, number % 2 == 0));
    }),
    ("speaks versions", |forger, _| send(forger, 1, 0, 9, heartbeat(9, false))),
    ("version 9 of the format", |forger, _| send(forger, 1, 0, 9, Login { role_id: 1, clock: 1 })),
    ("was ignored", |forger, _| forger.send_bytes(&Subject::Nodes, Bytes::from_static(b"?"))),
    ("ms ahead", |forger, _| send(forger, 1, 30_000, 1, heartbeat(1, false))),
    ("is not heard", |forger, _| send(forger, 1, 90_000, 1, heartbeat(1, false))),
    ("panicked", |forger, number| {
        send(forger, 1, 0, 1, Request { id: number, what: What::Debug as u32, body: Bytes::new() });
    }),
];

#[test]
fn lines_about_others_are_limited_and_those_left_out_are_counted() {
    for (part, cause) in CAUSES {
        let rules = Rules::new();
        let (_node, forger) = (rules.start("a", 1), rules.forger());
        rules.run_for(3_000);
        keep_lines();
        (0..MANY).for_each(|number| cause(&forger, number + 1));
        rules.run_for(10);
        let lines = LINES.take();
        // Some cause lines of two sorts.
        let is_limited = count(&lines, part) == BURST && lines.len() <= 2 * BURST;
        assert!(is_limited, "{part}: {} of {} lines", count(&lines, part), lines.len());
        rules.run_for(2_000);
        assert!(count(&LINES.take(), "were left out") > 0, "{part}: nothing says that lines were left out");
    }
}

#[test]
fn lines_about_nodes_that_fall_silent_are_limited() {
    let rules = Rules::new();
    let (_node, forger) = (rules.start("a", 1), rules.forger());
    rules.run_for(3_000);
    (0..MAX_NODES as u64).for_each(|number| send(&forger, number, 0, 1, heartbeat(1, false)));
    rules.run_for(5_000);
    keep_lines();
    rules.run_for(8_000);
    let lines = LINES.take();
    assert_eq!((count(&lines, "is gone"), lines.len()), (BURST, BURST + 1), "{lines:?}");
    assert!(count(&lines, "108 more lines about nodes that are gone were left out") == 1, "{lines:?}");
}

#[test]
fn a_node_that_was_started_again_is_one_and_is_not_called_gone() {
    let rules = Rules::new();
    let (node, forger) = (rules.start("a", 1), rules.forger());
    rules.run_for(3_000);
    keep_lines();
    send(&forger, 1, 0, 1, heartbeat(1, false));
    rules.run_for(1_000);
    for _ in 0..5 {
        send(&forger, 2, 0, 1, heartbeat(1, false));
        rules.run_for(3_000);
        assert_eq!(node.cluster.figures().nodes, 2);
    }
    let lines = LINES.take();
    assert_eq!(count(&lines, "an earlier start of node b is gone"), 1, "{lines:?}");
    rules.run_for(10_000);
    assert_eq!(node.cluster.figures().nodes, 1);
    assert!(LINES.take().contains(&"node b is gone: it has not been heard for 10 s".to_owned()));
}
