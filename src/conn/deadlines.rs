//! When a connection has to be looked at again, whatever its client does.

use super::Settings;
use crate::moment::Moment;
use crate::packed::{Packed, PackedMoment};
use crate::recording::file;

/// The moments from which the timers of one connection count.
///
/// Traffic only moves them later, so the reactor's wheel need not hear of it: when the wheel comes
/// round it asks, and arms anew.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    /// From here the read timer counts: when the last message was complete, or the one begun began.
    read_since: PackedMoment,
    /// When anything last came from the client.
    last_seen: PackedMoment,
    /// When the client was last sent a Ping.
    pinged_at: PackedMoment,
    client_check_at: PackedMoment,
    account_check_at: PackedMoment,
    housekeeping_at: PackedMoment,
    /// The bucket of the packet rate: how far ahead of `last_seen` it is, in microseconds, one second at most.
    packets_ahead_us: Packed<3>,
}

// There is one in every connection.
const _: () = assert!(size_of::<Deadlines>() <= 33);

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    // A recording names them by their numbers.
    ReadTimeout = 0,
    ClientCheck,
    AccountCheck,
    Housekeeping,
    Ping,
}

impl Deadlines {
    pub(super) fn new(now: Moment) -> Self {
        let (now, never) = (now.into(), Moment::NEVER.into());
        Deadlines {
            read_since: now,
            last_seen: now,
            pinged_at: now,
            client_check_at: never,
            account_check_at: never,
            housekeeping_at: never,
            packets_ahead_us: Packed::ZERO,
        }
    }

    /// The upgrade is complete.
    pub(super) fn opened(&mut self, now: Moment, settings: &Settings) {
        self.read_since = now.into();
        self.last_seen = now.into();
        self.pinged_at = now.into();
        self.client_check_at = now.after(settings.client_check_ms).into();
        self.account_check_at = now.after(settings.account_check_ms).into();
        self.housekeeping_at = now.after(settings.housekeeping_ms).into();
    }

    /// The read timer begins anew: a message was complete or began, or the client, held back by
    /// the server until now, is heard again.
    pub(super) fn read_since(&mut self, now: Moment) {
        self.read_since = now.into();
    }

    /// Bytes came. To be called before their packets are [taken](Self::may_take_packet).
    pub(super) fn seen(&mut self, now: Moment) {
        if self.packets_ahead_us != Packed::ZERO {
            let passed_us = now.since(self.last_seen()).saturating_mul(1000);
            self.packets_ahead_us = Packed::new(self.packets_ahead_us.get().saturating_sub(passed_us));
        }
        self.last_seen = now.into();
    }

    /// Logged in, or out.
    pub(super) fn logged(&mut self, is_in: bool, now: Moment, settings: &Settings) {
        let check_at = if is_in { Moment::NEVER } else { now.after(settings.account_check_ms) };
        self.account_check_at = check_at.into();
    }

    /// All of them, for a recording that begins in the middle.
    pub(super) fn noted(&self) -> file::Deadlines {
        let ms = |moment: PackedMoment| Moment::from(moment).as_ms();
        file::Deadlines {
            read_since_ms: ms(self.read_since),
            last_seen_ms: ms(self.last_seen),
            pinged_ms: ms(self.pinged_at),
            client_check_ms: ms(self.client_check_at),
            account_check_ms: ms(self.account_check_at),
            housekeeping_ms: ms(self.housekeeping_at),
            packets_ahead_us: self.packets_ahead_us.get(),
        }
    }

    /// Those that a recording begins with.
    pub(super) fn from_noted(noted: &file::Deadlines) -> Self {
        let moment = |ms| Moment::from_ms(ms).into();
        Deadlines {
            read_since: moment(noted.read_since_ms),
            last_seen: moment(noted.last_seen_ms),
            pinged_at: moment(noted.pinged_ms),
            client_check_at: moment(noted.client_check_ms),
            account_check_at: moment(noted.account_check_ms),
            housekeeping_at: moment(noted.housekeeping_ms),
            packets_ahead_us: Packed::new(noted.packets_ahead_us),
        }
    }

    pub(super) fn last_seen(&self) -> Moment {
        self.last_seen.into()
    }

    /// Takes one packet from the bucket of the packet rate, which holds one second's worth.
    pub(super) fn may_take_packet(&mut self, per_second: u32) -> bool {
        const SECOND_US: u64 = 1_000_000;
        if per_second == 0 {
            return true;
        }
        let packet_us = (SECOND_US / u64::from(per_second)).max(1);
        let ahead_us = self.packets_ahead_us.get() + packet_us;
        let may = ahead_us <= SECOND_US;
        if may {
            self.packets_ahead_us = Packed::new(ahead_us);
        }
        may
    }

    /// The earliest of them. `suspended`: the server itself keeps the client from being heard, so
    /// its silence is not held against it.
    pub(super) fn next(&self, settings: &Settings, suspended: bool) -> Moment {
        let read_at = if suspended { Moment::NEVER } else { self.read_at(settings) };
        read_at
            .min(in_fairness(self.client_check_at, settings.client_check_ms, settings))
            .min(in_fairness(self.account_check_at, settings.account_check_ms, settings))
            .min(self.housekeeping_at.into())
            .min(self.ping_at(settings))
    }

    /// One timer that has come, which is then set anew; none if no more have.
    pub(super) fn take_due(&mut self, now: Moment, settings: &Settings, suspended: bool) -> Option<Due> {
        if !suspended && self.read_at(settings) <= now {
            return Some(Due::ReadTimeout);
        }
        let periodic = [
            (&mut self.client_check_at, settings.client_check_ms, Due::ClientCheck),
            (&mut self.account_check_at, settings.account_check_ms, Due::AccountCheck),
            (&mut self.housekeeping_at, settings.housekeeping_ms, Due::Housekeeping),
        ];
        for (at, period_ms, due) in periodic {
            let is_about_client = due != Due::Housekeeping;
            let due_at = if is_about_client { in_fairness(*at, period_ms, settings) } else { (*at).into() };
            if due_at <= now {
                // From now, not from when it was due: a process that was stopped does not make up
                // for the rounds that it missed.
                *at = now.after(period_ms).into();
                return Some(due);
            }
        }
        if self.ping_at(settings) <= now {
            self.pinged_at = now.into();
            return Some(Due::Ping);
        }
        None
    }

    fn ping_at(&self, settings: &Settings) -> Moment {
        self.last_seen().max(self.pinged_at.into()).after(settings.ping_ms)
    }

    fn read_at(&self, settings: &Settings) -> Moment {
        Moment::from(self.read_since).max(settings.listening_since).after(settings.read_ms)
    }
}

/// When a check of the client that is to come at `at` really comes: not before the server has listened for a
/// whole period.
fn in_fairness(at: PackedMoment, period_ms: u64, settings: &Settings) -> Moment {
    Moment::from(at).max(settings.listening_since.after(period_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn settings(change: impl FnOnce(&mut Config)) -> Settings {
        let mut config = Config::default();
        change(&mut config);
        Settings::new(&config)
    }

    #[test]
    fn each_timer_comes_at_its_default_and_not_before() {
        let settings = settings(|_| {});
        let mut deadlines = Deadlines::new(Moment::START);
        deadlines.opened(Moment::START, &settings);
        let mut seen = vec![];
        let mut now = Moment::START;
        while now < Moment::from_ms(300_000) {
            now = deadlines.next(&settings, true);
            while let Some(due) = deadlines.take_due(now, &settings, true) {
                seen.push((now.as_ms() / 1000, due));
            }
        }
        let pings = (1..=12).map(|i| (i * 25, Due::Ping));
        let checks = (1..=5).map(|i| (i * 60, Due::ClientCheck));
        let mut expected: Vec<_> = pings.chain(checks).collect();
        expected.extend([(180, Due::Housekeeping), (300, Due::AccountCheck)]);
        expected.sort_by_key(|(at, _)| *at);
        seen.sort_by_key(|(at, _)| *at);
        let same = |due| {
            (seen.iter().filter(|x| x.1 == due).count(), expected.iter().filter(|x| x.1 == due).count())
        };
        for due in [Due::Ping, Due::ClientCheck, Due::Housekeeping, Due::AccountCheck] {
            let (found, wanted) = same(due);
            assert_eq!(found, wanted, "{due:?} in {seen:?}");
        }
        assert!(seen.iter().all(|x| expected.contains(x)), "{seen:?}");
    }

    #[test]
    fn the_read_timer_counts_from_the_last_message_and_not_while_suspended() {
        let settings = settings(|config| config.ping_interval = std::time::Duration::ZERO);
        let mut deadlines = Deadlines::new(Moment::START);
        deadlines.read_since(Moment::from_ms(5));
        assert_eq!(deadlines.next(&settings, false), Moment::from_ms(60_005));
        assert_eq!(deadlines.next(&settings, true), Moment::NEVER);
        assert_eq!(deadlines.take_due(Moment::from_ms(60_004), &settings, false), None);
        assert_eq!(deadlines.take_due(Moment::from_ms(60_005), &settings, true), None);
        assert_eq!(deadlines.take_due(Moment::from_ms(60_005), &settings, false), Some(Due::ReadTimeout));
    }

    #[test]
    fn silence_of_the_server_itself_is_not_held_against_the_client() {
        let mut settings = settings(|config| config.ping_interval = std::time::Duration::ZERO);
        let mut deadlines = Deadlines::new(Moment::START);
        deadlines.opened(Moment::START, &settings);
        deadlines.read_since(Moment::from_ms(1000));
        let back_at = Moment::from_ms(1_000_000);
        assert_eq!(deadlines.next(&settings, false), Moment::from_ms(60_000));
        settings.listening_since = back_at;
        let mut due = vec![];
        for ms in [1_000_000, 1_059_999, 1_060_000, 1_299_999, 1_300_000] {
            while let Some(timer) = deadlines.take_due(Moment::from_ms(ms), &settings, ms > 1_060_000) {
                due.push((ms, timer));
                if timer == Due::ReadTimeout {
                    deadlines.read_since(Moment::from_ms(ms));
                }
            }
        }
        // Housekeeping is not about the client.
        let expected = [
            (1_000_000, Due::Housekeeping),
            (1_060_000, Due::ReadTimeout),
            (1_060_000, Due::ClientCheck),
            (1_299_999, Due::ClientCheck),
            (1_299_999, Due::Housekeeping),
            (1_300_000, Due::AccountCheck),
        ];
        assert_eq!(due, expected);
    }

    #[test]
    fn a_rate_allows_one_second_of_packets_at_once_and_then_its_pace() {
        let mut deadlines = Deadlines::new(Moment::START);
        let mut allowed = |ms, times: u32| {
            deadlines.seen(Moment::from_ms(ms));
            (0..times).filter(|_| deadlines.may_take_packet(10)).count()
        };
        assert_eq!(allowed(5000, 100), 10);
        assert_eq!(allowed(5099, 100), 0);
        assert_eq!(allowed(5100, 100), 1);
        assert_eq!(allowed(5500, 100), 4);
        assert_eq!(allowed(60_000, 100), 10);
        assert!((0..1000).all(|_| deadlines.may_take_packet(0)));
    }
}
