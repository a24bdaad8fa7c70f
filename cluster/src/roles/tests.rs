//! Tests of single rules of the registers; the models are in tests/.

use super::*;
use crate::hash::shard_of;
use crate::holder::Holder;
use crate::names::NodeName;
use crate::wire::{RoleDigest, RoleList, Sender};

fn sender(name: &str) -> Sender {
    Sender { name: NodeName::new(name).unwrap(), incarnation: 1 }
}

fn holder(connection: u64) -> Holder {
    Holder { connection, claim: 0 }
}

fn digest(own: &mut OwnRoles, number: u64) -> RoleDigest {
    let (counts, sums) = own.digest(number);
    RoleDigest { counts, sums }
}

/// The list of a shard, in parts of so many entries.
fn list(own: &mut OwnRoles, shard: u8, number: u64, size: usize) -> Vec<RoleList> {
    let listed = own.list(shard, number);
    let parts: Vec<_> = listed.chunks(size).collect();
    let part = |(part, entries): (usize, &&[Listed])| RoleList {
        shard: shard.into(),
        number,
        part: part as u32,
        parts: parts.len() as u32,
        roles: entries.iter().map(|listed| listed.role_id).collect(),
        clocks: entries.iter().map(|listed| listed.entry.clock).collect(),
        ends: entries.iter().map(|listed| listed.entry.ended).collect(),
    };
    parts.iter().enumerate().map(part).collect()
}

#[test]
fn the_higher_stamp_wins() {
    let held = Entry::held;
    let ended = |clock| Entry { clock, ended: 99 };
    for (name, own_ended, clock, theirs, expected) in [
        ("a later login", false, 5, held(6), Meeting::Close(holder(1), Entry { clock: 5, ended: 9 })),
        (
            "a later one that has ended",
            false,
            5,
            ended(6),
            Meeting::Close(holder(1), Entry { clock: 5, ended: 9 }),
        ),
        ("an earlier login", false, 5, held(4), Meeting::Repeat(held(5))),
        ("an earlier one that has ended", false, 5, ended(4), Meeting::Nothing),
        (
            "a tie, and the other's name is higher",
            false,
            5,
            held(5),
            Meeting::Close(holder(1), Entry { clock: 5, ended: 9 }),
        ),
        (
            "an earlier login than one that has ended",
            true,
            5,
            held(4),
            Meeting::Repeat(Entry { clock: 5, ended: 8 }),
        ),
        ("a later login than one that has ended", true, 5, held(6), Meeting::Nothing),
    ] {
        let mut own = OwnRoles::default();
        own.enter(7, holder(1), clock);
        if own_ended {
            own.leave(7, holder(1), 8);
        }
        assert_eq!(own.meet(&sender("a"), &sender("b"), 7, theirs, || 9), expected, "{name}");
        let is_kept = !matches!(expected, Meeting::Close(..)) && !own_ended;
        assert_eq!(own.holder(7).is_some(), is_kept, "{name}");
    }
    let mut own = OwnRoles::default();
    own.enter(7, holder(1), 5);
    let tie = own.meet(&sender("b"), &sender("a"), 7, held(5), || 9);
    assert_eq!(tie, Meeting::Repeat(held(5)), "of two equal clocks one wins on both nodes");
}

#[test]
fn a_late_end_changes_nothing() {
    let mut own = OwnRoles::default();
    own.enter(7, holder(1), 5);
    own.enter(7, holder(2), 6);
    assert_eq!(own.leave(7, holder(1), 8), None);
    assert_eq!(own.leave(7, Holder { connection: 2, claim: 1 }, 8), None);
    assert_eq!(own.holder(7), Some(holder(2)));
    assert_eq!(own.leave(7, holder(2), 9), Some(Entry { clock: 6, ended: 9 }));
    assert_eq!(own.leave(7, holder(2), 10), None);
}

#[test]
fn tombstones_are_in_digests_for_60_s() {
    let mut own = OwnRoles::default();
    let minute = crate::clock::clock_at(TOMBSTONE_MS);
    own.enter(7, holder(1), 5);
    own.leave(7, holder(1), 8);
    for (number, expected) in [(8, 1), (7 + minute, 1), (8 + minute, 0)] {
        let counts: u32 = own.digest(number).0.iter().sum();
        assert_eq!(counts, expected, "at {number}");
    }
    assert_eq!(own.len(), 0);
}

#[test]
fn a_view_that_agrees_asks_for_nothing_and_one_that_differs_takes_the_list() {
    let mut own = OwnRoles::default();
    let mut view = View::default();
    for role_id in 1..=1000 {
        own.enter(role_id, holder(role_id), role_id);
        // Some were not heard, some are out of date.
        if role_id % 3 != 0 {
            view.note(role_id, Entry::held(role_id), role_id);
        }
        if role_id % 5 == 0 {
            own.leave(role_id, holder(role_id), 2000 + role_id);
        }
    }
    view.note(5000, Entry::held(900), 900);
    let first = digest(&mut own, 4000);
    let differing = view.compare(&first, 4000);
    assert_eq!(differing, u64::MAX, "with a thousand roles");
    assert_eq!(view.compare(&first, 4000), 0, "the same number again is dropped");
    assert_eq!(view.compare(&first, 3999), 0, "and a lower one");
    let mut listed = 0;
    for shard in 0..64 {
        for part in list(&mut own, shard, 4001, 4).into_iter().rev() {
            match view.take(part) {
                Taken::Whole(entries) => listed += entries.len(),
                other => assert_eq!(other, Taken::Waiting),
            }
        }
    }
    assert_eq!(listed, 1000);
    let second = digest(&mut own, 4002);
    assert_eq!(view.compare(&second, 4002), 0);
    assert_eq!(view.get(5000), None);
}

#[test]
fn a_list_does_not_undo_what_came_after_it() {
    let mut own = OwnRoles::default();
    let mut view = View::default();
    own.enter(7, holder(1), 5);
    let shard = shard_of(7);
    view.compare(&digest(&mut own, 10), 10);
    let parts = list(&mut own, shard, 11, 10);
    // An end and another login in the shard come before the list that was made before them.
    own.leave(7, holder(1), 12);
    view.note(7, Entry { clock: 5, ended: 12 }, 12);
    let other = (8..).find(|role_id| shard_of(*role_id) == shard).unwrap();
    own.enter(other, holder(2), 13);
    view.note(other, Entry::held(13), 13);
    for part in parts.clone() {
        assert!(matches!(view.take(part), Taken::Whole(_)));
    }
    assert_eq!(view.compare(&digest(&mut own, 14), 14), 0);
    // What was not asked for, or once more, is dropped.
    for part in parts {
        assert_eq!(view.take(part), Taken::Dropped);
    }
    // So is a login from before the list.
    let earlier = (other + 1..).find(|role_id| shard_of(*role_id) == shard).unwrap();
    view.note(earlier, Entry::held(3), 4);
    assert_eq!(view.get(earlier), None);
}
