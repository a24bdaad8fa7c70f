//! Tests of unfinished fan-outs.

use std::sync::Arc;

use super::super::begun::MAX_AT_REST;
use super::*;
use crate::presence::Told;
use crate::push::Push;
use crate::router::HeldByPublish;
use crate::topics::{Quota, Receivers, SharedTopics};

fn id(slot: u32) -> ConnectionId {
    ConnectionId::new(0, slot, 1)
}

fn fan_out(by: u32, to: &[u32]) -> FanOut {
    let to: Vec<_> = to.iter().map(|&slot| id(slot)).collect();
    let to = to.into();
    FanOut { by: Requester::Client(id(by)), to, push: Push::new(1210, b"hello"), held: None }
}

#[test]
fn fan_outs_of_clients_hold_back_no_mail_and_all_are_bounded() {
    let by_mail = || FanOut { by: Requester::Mail, ..fan_out(0, &[1]) };
    let many = u32::try_from(MANY).unwrap();
    let mut fan_outs = FanOuts::default();
    (0..many).for_each(|client| fan_outs.begin(fan_out(client, &[1]), true));
    assert!(fan_outs.are_many() && !fan_outs.hold_back_mail());
    (1..MAX_BY_MAIL).for_each(|_| fan_outs.begin(by_mail(), true));
    // Publishes count with their permits, those of calls like other fan-outs from mail.
    let topics = SharedTopics::new(1, Told::default());
    let permit = topics.permit(&Push::new(1210, b"hello"), 1000, Quota::Guest).unwrap();
    let publish = |by| FanOut { by, held: Some(HeldByPublish::new(permit.clone())), ..by_mail() };
    (0..MAX_BY_MAIL).for_each(|_| fan_outs.begin(publish(Requester::Publisher), true));
    assert!(!fan_outs.hold_back_mail());
    fan_outs.begin(publish(Requester::Mail), true);
    assert!(fan_outs.hold_back_mail());
    // Receiver lists count like the pushes themselves.
    let receivers = MAX_BYTES / 2 / (size_of::<ConnectionId>() + PushQueues::NUMBER_BYTES) - 100_000;
    let all: Vec<_> = (0..receivers as u32).map(id).collect();
    let large = || FanOut { to: all.clone().into(), ..by_mail() };
    assert!(fan_outs.has_capacity_for(&large()));
    fan_outs.begin(large(), true);
    fan_outs.begin(large(), true);
    assert!(fan_outs.has_capacity_for(&by_mail()) && !fan_outs.has_capacity_for(&large()));
    for receiver in 0..receivers as u32 {
        while fan_outs.take_row(id(receiver)).is_some() {}
    }
    assert!(fan_outs.is_empty() && fan_outs.has_capacity_for(&large()) && !fan_outs.hold_back_mail());
    assert_eq!(Arc::strong_count(&permit), 1, "the publishes have given theirs back");
    assert_eq!(fan_outs.next_receiver(|_| true), None);
    assert_eq!((fan_outs.bytes, fan_outs.begun.len(), fan_outs.debts.is_empty()), (0, 0, true));
}

#[test]
fn a_push_to_one_counts_with_all_that_it_holds() {
    let one = fan_out(8, &[1]);
    let lists = size_of::<ConnectionId>() + PushQueues::NUMBER_BYTES;
    assert!(one.bytes() >= size_of::<Begun>() + size_of::<Group>() + lists + one.push.frame().len());
}

#[test]
fn fan_outs_of_clients_that_left_hold_back_new_clients() {
    let mut fan_outs = FanOuts::default();
    (1..u32::try_from(MAX_DEPARTED).unwrap()).for_each(|_| fan_outs.begin(fan_out(8, &[1]), true));
    fan_outs.begin(fan_out(9, &[1, 2]), false);
    assert!(!fan_outs.hold_back_accepts() && fan_outs.debts.owes(id(8)) && !fan_outs.debts.owes(id(9)));
    fan_outs.debts.leave(id(8));
    assert!(fan_outs.hold_back_accepts() && !fan_outs.debts.owes(id(8)));
    assert!(fan_outs.take_row(id(1)).is_some() && !fan_outs.hold_back_accepts());
    while fan_outs.take_row(id(1)).is_some() {}
    assert_eq!((fan_outs.debts.departed(), fan_outs.unfinished), (1, 1));
    assert!(fan_outs.take_row(id(2)).is_some() && fan_outs.is_empty());
    assert!(fan_outs.debts.is_empty());
}

#[test]
fn pushes_in_a_row_to_the_same_receivers_are_one() {
    let to = [1, 2, 3];
    // Who asks, for whom, and whether it leaves together with the push before.
    for (requests, joined) in [
        (vec![(8, &to[..]), (8, &to[..])], vec![false, true]),
        (vec![(8, &to[..]), (9, &to[..]), (8, &to[..])], vec![false, true, true]),
        (vec![(8, &to[..]), (8, &to[..2]), (8, &to[..])], vec![false, false, false]),
        // It would wait for a push of another client to others.
        (vec![(8, &to[..1]), (8, &to[..]), (9, &to[..])], vec![false, false, false]),
    ] {
        let mut fan_outs = FanOuts::default();
        let mut found = vec![];
        for (by, to) in &requests {
            let result = fan_outs.join_newest(fan_out(*by, to), &mut |_, _| true);
            found.push(result.is_ok());
            if let Err(fan_out) = result {
                fan_outs.begin(fan_out, true);
            }
        }
        assert_eq!((found, fan_outs.len()), (joined, requests.len()), "{requests:?}");
        let (mut count, mut reached) = (vec![], vec![]);
        while let Some(next) = fan_outs.next_receiver(|id| !reached.contains(&id)) {
            reached.push(next);
            assert!(fan_outs.debts.owes(id(8)));
            let rows = std::iter::from_fn(|| fan_outs.take_row(next));
            count.push(rows.map(|row| row.pushes().len()).sum::<usize>());
            // It leaves.
            assert!(fan_outs.join_newest(fan_out(8, &to), &mut |_, _| true).is_err());
        }
        let expected = to.map(|slot| requests.iter().filter(|(_, to)| to.contains(&slot)).count());
        assert_eq!(count, expected);
        assert!(fan_outs.is_empty() && fan_outs.debts.is_empty());
        assert_eq!((fan_outs.bytes, fan_outs.begun.len()), (0, 0));
    }
}

#[test]
fn pushes_that_leave_out_others_are_one_and_each_gets_its_own() {
    let members = Receivers::from([1, 2, 3, 4].map(id).to_vec());
    // Whom each push leaves out, and who has gone meanwhile.
    for (excepts, gone) in [
        (vec![Some(1), Some(1), Some(1)], None),
        (vec![Some(1), Some(2), Some(1), None, Some(4)], None),
        (vec![None, Some(2), None, Some(3)], None),
        (vec![Some(1), None], None),
        (vec![Some(1), Some(2)], Some(1)),
    ] {
        let mut fan_outs = FanOuts::default();
        let mut awaited = vec![];
        for (cmd, except) in (0..).zip(&excepts) {
            let mut to = members.clone();
            except.inspect(|slot| assert!(to.leave_out(id(*slot))));
            let fan_out = FanOut { by: Requester::Publisher, to, push: Push::new(cmd, b"hello"), held: None };
            let mut mark = |id: ConnectionId, mark| {
                assert_eq!(mark, Mark::Awaited);
                awaited.push(id);
                gone.is_none_or(|gone| id.slot() != gone)
            };
            if let Err(mut fan_out) = fan_outs.join_newest(fan_out, &mut mark) {
                assert_eq!(cmd, 0, "{excepts:?}: the others join it");
                fan_out.to.retain(|id| mark(id, Mark::Awaited));
                fan_outs.begin(fan_out, false);
            }
        }
        for slot in (1..=4).filter(|slot| gone != Some(*slot as usize)) {
            let row = fan_outs.take_row(id(slot));
            let pushes = row.as_ref().map_or(&[][..], PushRow::pushes);
            let rest = std::iter::from_fn(|| fan_outs.take_row(id(slot))).collect::<Vec<_>>();
            let rest = rest.iter().flat_map(PushRow::pushes);
            let found: Vec<_> = pushes.iter().chain(rest).map(Push::cmd).collect();
            let expected: Vec<_> =
                (0..).zip(&excepts).filter(|(_, it)| **it != Some(slot)).map(|(cmd, _)| cmd).collect();
            assert_eq!(found, expected, "{excepts:?}: {slot}");
            assert!(found.is_empty() || awaited.contains(&id(slot)), "{excepts:?}: {slot}");
        }
        assert!(fan_outs.is_empty() && fan_outs.bytes == 0);
    }
}

#[test]
fn one_that_becomes_a_receiver_after_it_was_passed_over_is_reached() {
    let members = Receivers::from([1, 2, 3].map(id).to_vec());
    let but = |slot| {
        let mut to = members.clone();
        assert!(to.leave_out(id(slot)));
        FanOut { by: Requester::Publisher, to, push: Push::new(1210, b"hello"), held: None }
    };
    let mut fan_outs = FanOuts::default();
    fan_outs.begin(but(1), false);
    // That one is sent so much of earlier fan-outs that this one has to wait.
    assert_eq!(fan_outs.next_receiver(|id| id.slot() != 1), Some(id(2)));
    assert!(fan_outs.join_newest(but(3), &mut |_, _| true).is_ok());
    let mut reached = vec![];
    while let Some(next) = fan_outs.next_receiver(|id| !reached.contains(&id)) {
        reached.push(next);
        assert!(fan_outs.take_row(next).is_some() && fan_outs.take_row(next).is_none());
    }
    assert_eq!(reached, [1, 2, 3].map(id));
    assert!(fan_outs.is_empty() && fan_outs.begun.is_empty());
}

#[test]
fn those_who_were_reached_ahead_of_others_get_what_joins_later() {
    let most = u32::try_from(MAX_AT_REST).unwrap();
    let all: Vec<u32> = (1..=most + 8).collect();
    let push = |cmd| FanOut { push: Push::new(cmd, b"hello"), ..fan_out(100, &all) };
    for (ahead, joins) in [(0, true), (1, true), (2, true), (most, true), (most + 1, false)] {
        let mut fan_outs = FanOuts::default();
        let mut seen = vec![vec![]; all.len() + 1];
        let mut see = |slot: u32, row: Option<PushRow>| {
            let row = row.unwrap();
            assert_eq!(row.frames().len(), row.len());
            seen[slot as usize].extend(row.pushes().iter().map(Push::cmd));
        };
        fan_outs.begin(push(1), true);
        (1..=ahead).for_each(|slot| see(slot, fan_outs.take_row_ahead(id(slot))));
        // The first one has gone.
        let mut mark = |marked, _| marked != id(1);
        assert_eq!(fan_outs.join_newest(push(2), &mut mark).is_ok(), joins, "{ahead} ahead");
        if !joins {
            continue;
        }
        // One is reached ahead once more, another for the first time.
        [2, 3].iter().for_each(|&slot| see(slot, fan_outs.take_row_ahead(id(slot))));
        assert!(fan_outs.join_newest(push(3), &mut mark).is_ok() && fan_outs.begun.len() == 1);
        let gone = u32::from(ahead > 0);
        (gone + 1..=most + 8).for_each(|slot| see(slot, fan_outs.take_row(id(slot))));
        assert!(fan_outs.is_empty() && fan_outs.debts.is_empty() && fan_outs.bytes == 0);
        for (slot, seen) in (0..).zip(&seen).skip(1) {
            let expected = if slot == gone { &[1][..] } else { &[1, 2, 3] };
            assert_eq!(seen, expected, "{slot}, {ahead} ahead");
        }
    }
}

#[test]
fn one_that_was_reached_ahead_is_not_sent_what_leaves_it_out() {
    let members = Receivers::from([1, 2, 3].map(id).to_vec());
    // Whom each push leaves out, after which of them each is reached, and what it is sent then.
    for (excepts, reached) in [
        ([None, Some(1), None], [(1, 0, &[0][..]), (1, 2, &[2]), (2, 2, &[0, 1, 2]), (3, 2, &[0, 1, 2])]),
        ([None, Some(1), Some(1)], [(1, 0, &[0]), (2, 1, &[0, 1]), (2, 2, &[2]), (3, 2, &[0, 1, 2])]),
        ([None, None, Some(1)], [(1, 0, &[0]), (2, 1, &[0, 1]), (2, 2, &[2]), (3, 2, &[0, 1, 2])]),
        ([Some(1), None, Some(1)], [(1, 1, &[1]), (2, 0, &[0]), (2, 2, &[1, 2]), (3, 2, &[0, 1, 2])]),
        ([Some(1), Some(2), None], [(2, 0, &[0]), (1, 1, &[1]), (1, 2, &[2]), (2, 2, &[2])]),
    ] {
        let mut fan_outs = FanOuts::default();
        for (cmd, except) in (0..).zip(excepts) {
            let mut to = members.clone();
            except.inspect(|slot| assert!(to.leave_out(id(*slot))));
            let fan_out = FanOut { by: Requester::Publisher, to, push: Push::new(cmd, b"hello"), held: None };
            if let Err(fan_out) = fan_outs.join_newest(fan_out, &mut |_, _| true) {
                fan_outs.begin(fan_out, false);
            }
            for (slot, _, expected) in reached.iter().filter(|(_, after, _)| *after == cmd) {
                let row = fan_outs.take_row_ahead(id(*slot)).unwrap();
                let found: Vec<_> = row.pushes().iter().map(Push::cmd).collect();
                assert_eq!(&found, expected, "{slot} after {cmd} of {excepts:?}");
            }
        }
        assert!(fan_outs.begun.len() <= 1, "all are one");
        for slot in [1, 2, 3] {
            let had = reached.iter().filter(|(of, ..)| *of == slot).flat_map(|(_, _, cmds)| *cmds);
            let is_for = |(_, except): &(u16, Option<_>)| *except != Some(slot);
            let had: Vec<_> = had.copied().collect();
            let mut left: Vec<_> = (0..).zip(excepts).filter(is_for).map(|(cmd, _)| cmd).collect();
            left.retain(|cmd| !had.contains(cmd));
            let row = fan_outs.take_row_ahead(id(slot));
            let found = row.map(|row| row.pushes().iter().map(Push::cmd).collect::<Vec<_>>());
            assert_eq!(found, (!left.is_empty()).then_some(left), "{slot} at the end of {excepts:?}");
        }
        assert_eq!((fan_outs.is_empty(), fan_outs.bytes), (true, 0), "{excepts:?}");
    }
}

#[test]
fn no_push_joins_a_fan_out_that_is_older_than_another() {
    let mut fan_outs = FanOuts::default();
    let room = [1, 2];
    fan_outs.begin(fan_out(7, &[5, 6]), true);
    fan_outs.begin(fan_out(8, &room), true);
    fan_outs.begin(fan_out(9, &[2, 3]), true);
    // Turns pass without a receiver, and the room's fan-out is the last of all.
    (0..2).for_each(|_| fan_outs.pass_turn());
    assert_eq!(fan_outs.groups.back().map(|group| group.by), Some(Requester::Client(id(8))));
    assert!(fan_outs.join_newest(fan_out(10, &room), &mut |_, _| true).is_err());
}

#[test]
fn nothing_is_left_of_fan_outs_that_were_finished_before_their_turn() {
    let mut fan_outs = FanOuts::default();
    for _ in 0..3 {
        fan_outs.begin(fan_out(8, &[1, 2]), true);
        fan_outs.begin(fan_out(9, &[2]), true);
        let taken = [1, 2, 2].map(|slot| fan_outs.take_row(id(slot)).is_some());
        assert_eq!(taken, [true; 3]);
        assert!(fan_outs.is_empty() && fan_outs.begun.is_empty() && fan_outs.groups.is_empty());
        assert!(!fan_outs.were_new(), "the next one is");
    }
}

#[test]
fn clients_take_turns_and_owe_until_all_receivers_are_reached() {
    let mut fan_outs = FanOuts::default();
    [fan_out(8, &[1, 2]), fan_out(8, &[1, 2]), fan_out(9, &[2, 3, 4])]
        .into_iter()
        .for_each(|fan_out| fan_outs.begin(fan_out, true));
    let (mut seen, mut reached) = (vec![], vec![]);
    while let Some(next) = fan_outs.next_receiver(|id| !reached.contains(&id) && id.slot() != 3) {
        let owes = (fan_outs.debts.owes(id(8)), fan_outs.debts.owes(id(9)));
        let count = std::iter::from_fn(|| fan_outs.take_row(next)).count();
        seen.push((next.slot(), count, owes));
        reached.push(next);
        if next == id(2) {
            // Something else is sent first to that receiver.
            assert_eq!(std::iter::from_fn(|| fan_outs.take_row(id(3))).count(), 1);
        }
        fan_outs.pass_turn();
    }
    assert_eq!(seen, [(1, 2, (true, true)), (2, 3, (true, true)), (4, 1, (false, true))]);
    assert!(fan_outs.is_empty() && !fan_outs.debts.owes(id(9)));
    assert_eq!((fan_outs.bytes, fan_outs.by_mail, fan_outs.begun.len()), (0, 0, 0));
}
