//! Tests of the black list's registers.

use super::*;
use crate::clock::clock_at;
use crate::names::NodeName;

fn stamp(clock: u64, node: &str) -> Stamp {
    Stamp { clock: clock_at(clock), node: NodeName::new(node).unwrap(), incarnation: 1 }
}

fn record(subject: &str, until_ms: u64, made: Stamp) -> BlacklistRecord {
    BlacklistRecord {
        subject: subject.to_owned(),
        until_ms,
        is_removed: false,
        by_operator: false,
        stamp: made,
    }
}

fn removal(subject: &str, made: Stamp) -> BlacklistRecord {
    BlacklistRecord { is_removed: true, ..record(subject, wall_ms(made.clock) + REMOVAL_MS, made) }
}

/// The whole list of a node, part after part.
fn parts(registers: &Registers) -> Vec<Blacklist> {
    let (first, mut last) = registers.part_after(None, 5000);
    let mut parts = vec![first];
    while let Some(after) = last {
        let (part, next) = registers.part_after(Some(&after), 5000);
        parts.push(part);
        last = next;
    }
    parts
}

/// All orders of up to four things.
fn orders<T: Clone>(things: &[T]) -> Vec<Vec<T>> {
    if things.is_empty() {
        return vec![vec![]];
    }
    let mut all = vec![];
    for first in 0..things.len() {
        let mut rest = things.to_vec();
        let first = rest.remove(first);
        for mut order in orders(&rest) {
            order.insert(0, first.clone());
            all.push(order);
        }
    }
    all
}

#[test]
fn the_last_writer_wins_in_any_order() {
    let (old, new) = (record("account:a", 9000, stamp(1, "a")), record("account:a", 8000, stamp(2, "a")));
    let tie = record("account:a", 7000, stamp(2, "b"));
    let messages = |records: &[BlacklistRecord]| records.iter().map(Registers::message).collect::<Vec<_>>();
    let cleared = Registers::clear_message(&stamp(2, "c"));
    let after_clear = record("account:b", 9000, stamp(3, "a"));
    type Case = (&'static str, Vec<Blacklist>, &'static [(&'static str, u64)]);
    let cases: [Case; 5] = [
        ("newer", messages(&[old.clone(), new.clone()]), &[("account:a", 8000)]),
        ("a tie", messages(&[new.clone(), tie.clone()]), &[("account:a", 7000)]),
        ("removed", messages(&[old.clone(), removal("account:a", stamp(4, "a"))]), &[]),
        (
            "listed again",
            messages(&[removal("account:a", stamp(1, "a")), new.clone()]),
            &[("account:a", 8000)],
        ),
        ("cleared", [messages(&[old, tie, after_clear]), vec![cleared]].concat(), &[("account:b", 9000)]),
    ];
    for (name, messages, expected) in cases {
        for order in orders(&messages) {
            let mut registers = Registers::default();
            for message in order.iter().chain(&order) {
                registers.take(message.clone(), 5000);
            }
            let listed = registers.listed(5000);
            let listed: Vec<_> = listed.iter().map(|record| (&*record.subject, record.until_ms)).collect();
            assert_eq!(listed, expected, "{name}: {order:?}");
        }
    }
}

#[test]
fn nodes_with_different_digests_agree_after_a_list_from_each() {
    let mut nodes = [Registers::default(), Registers::default()];
    for number in 0..6000 {
        let made = stamp(number, ["a", "b"][number as usize % 2]);
        let record = record(&format!("account:{:040}", number % 2000), 10_000 + number, made);
        nodes[number as usize % 2].merge(record);
    }
    nodes[0].clear(stamp(500, "a"));
    let now = clock_at(5000);
    assert_ne!(nodes[0].digest(now), nodes[1].digest(now));
    let sent = parts(&nodes[0]);
    assert!(sent.len() > 1, "{}", sent.len());
    assert!(sent.iter().all(|part| part.encoded_len() <= MAX_PART_BYTES + 200));
    for part in sent {
        nodes[1].take(part, 5000);
    }
    for part in parts(&nodes[1]) {
        nodes[0].take(part, 5000);
    }
    assert_eq!(nodes[0].digest(now), nodes[1].digest(now));
    assert_eq!(nodes[0].listed(5000), nodes[1].listed(5000));
    assert!(nodes[0].listed(5000).len() > 1900);
}

#[test]
fn entries_that_have_ended_are_neither_taken_nor_kept() {
    let mut registers = Registers::default();
    registers.merge(record("account:a", 1000, stamp(1, "a")));
    registers.merge(removal("account:b", stamp(1, "a")));
    assert_eq!(registers.digest(clock_at(999)).count, 2);
    assert_eq!(registers.digest(clock_at(1000)).count, 1);
    let late = Registers::message(&record("account:c", 1000, stamp(2, "a")));
    assert_eq!(registers.take(late, 1000), News::default());
    registers.prune(1000 + GRACE_MS);
    assert_eq!(registers.records.len(), 1);
    registers.prune(1 + REMOVAL_MS + GRACE_MS);
    assert_eq!(registers.records.len(), 0);
}

#[test]
fn records_are_read_as_they_were_written() {
    let record = BlacklistRecord { by_operator: true, ..removal("address:192.0.2.1", stamp(7, "node-1")) };
    let bytes = record.to_bytes();
    assert_eq!(BlacklistRecord::from_bytes(&bytes), Some(record));
    for bad in [&bytes[..bytes.len() - 1], b"", b"\xff"] {
        assert_eq!(BlacklistRecord::from_bytes(bad), None);
    }
}
