//! The timer wheel: compared with a sorted map, and how many steps its work takes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn expire(wheel: &mut Wheel, now: u64) -> Vec<usize> {
    let mut expired = vec![];
    loop {
        match wheel.step(Moment::from_ms(now)) {
            Step::Expired(slot) => expired.push(slot),
            Step::Moved => {}
            Step::Idle => return expired,
        }
    }
}

#[test]
fn each_timer_comes_at_its_deadline_when_every_wake_up_is_followed() {
    let week = 7 * 24 * 3_600_000;
    let deadlines = [0, 1, 2, 63, 64, 65, 127, 4095, 4096, 4097, 60_000, 262_143, 262_144, week];
    for start in
        [0, 1, 63, 64, 4095, 12_345_678, (1 << 30) - 1, 1 << 30, (1 << 31) - 9, (1 << 32) - 9, (3 << 36) + 17]
    {
        let mut wheel = Wheel::new();
        expire(&mut wheel, start);
        for (slot, after) in deadlines.iter().enumerate() {
            wheel.arm(slot, Moment::from_ms(start + after));
        }
        let mut seen = vec![];
        while wheel.next_at() != Moment::NEVER {
            let at = wheel.next_at();
            seen.extend(expire(&mut wheel, at.as_ms()).into_iter().map(|slot| (slot, at.as_ms() - start)));
        }
        let expected: Vec<_> = deadlines.iter().copied().enumerate().collect();
        seen.sort_unstable();
        assert_eq!(seen, expected, "from {start}");
    }
}

#[test]
fn deadlines_far_away_come_early_and_those_long_gone_at_once() {
    let start = 5 << 32;
    let mut wheel = Wheel::new();
    expire(&mut wheel, start);
    wheel.arm(0, Moment::from_ms(u64::MAX - 1));
    assert_eq!(expire(&mut wheel, start + MAX_AHEAD - 2), []);
    wheel.arm(1, Moment::START);
    wheel.arm_no_later(0, Moment::from_ms(start + (1 << 40)));
    assert_eq!(expire(&mut wheel, start + MAX_AHEAD - 2), [1]);
    assert_eq!(expire(&mut wheel, start + MAX_AHEAD - 1), [0]);
    wheel.arm(0, Moment::NEVER);
    assert_eq!(wheel.next_at(), Moment::NEVER);
}

#[test]
fn timers_that_share_a_bucket_come_in_bounded_steps() {
    let mut wheel = Wheel::new();
    for slot in 0..18_000 {
        wheel.arm(slot, Moment::from_ms(60_000 + slot as u64 % 3));
    }
    let mut steps = 0;
    let mut expired = 0;
    while expired < 18_000 {
        assert_ne!(wheel.next_at(), Moment::NEVER);
        match wheel.step(Moment::from_ms(60_002)) {
            Step::Expired(_) => expired += 1,
            Step::Moved => {}
            Step::Idle => panic!("{expired} of 18000 came"),
        }
        steps += 1;
    }
    assert!(steps <= 18_000 * LEVELS, "{steps}");
    assert_eq!(wheel.next_at(), Moment::NEVER);
}

proptest! {
    #[test]
    fn the_wheel_agrees_with_a_sorted_map(
        operations in prop::collection::vec((0..4u8, 0..20usize, 0..300_000u64, 0..8usize), 1..200),
    ) {
        let mut wheel = Wheel::new();
        let mut model = BTreeMap::new();
        let mut now = 0u64;
        for (operation, slot, time, steps) in operations {
            match operation {
                0 => {
                    wheel.arm(slot, Moment::from_ms(now + time));
                    model.insert(slot, now + time);
                }
                1 => {
                    wheel.disarm(slot);
                    model.remove(&slot);
                }
                2 => {
                    wheel.arm_no_later(slot, Moment::from_ms(now + time));
                    let at = model.entry(slot).or_insert(now + time);
                    *at = (*at).min(now + time);
                }
                _ => {
                    now += time;
                    // Some steps only, so that work is left over for a later turn.
                    for _ in 0..steps {
                        if let Step::Expired(slot) = wheel.step(Moment::from_ms(now)) {
                            prop_assert!(model.remove(&slot).is_some_and(|at| at <= now));
                        }
                    }
                }
            }
            let earliest = model.values().copied().min().unwrap_or(u64::MAX);
            prop_assert!(wheel.next_at().as_ms() <= earliest);
        }
        for slot in expire(&mut wheel, now) {
            prop_assert!(model.remove(&slot).is_some_and(|at| at <= now));
        }
        prop_assert!(model.values().all(|at| *at > now));
    }
}
