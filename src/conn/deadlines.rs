//! Computes when a connection's timers are due.

use super::settings::Settings;
use crate::config::Liveness;
use crate::metrics::Timer;
use crate::moment::Moment;
use crate::packed::PackedMoment;
use crate::record::PacketRate;
use crate::recording::file;
use crate::recording::note::ANSWER_TIMER;

/// The times from which an open connection's timers count.
///
/// Traffic only moves deadlines later, so the reactor's wheel is not told: when the deadline that it knows
/// comes, it asks for the current one and arms that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadlines {
    /// The start of the read timer: the end of the last message, or the beginning of an unfinished one.
    read_since: PackedMoment,
    /// When the client last sent anything.
    last_seen: PackedMoment,
    /// When the client was last sent a Ping.
    pinged_at: PackedMoment,
    client_check_at: PackedMoment,
    account_check_at: PackedMoment,
    housekeeping_at: PackedMoment,
}

/// What a connection waits for, and which timers wait with it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waits {
    /// The server itself does not listen to the client, so its silence does not count.
    pub(super) suspended: bool,
    /// A login is under way. The account check comes once that has failed, if it is due by then.
    pub(super) logging_in: bool,
}

/// Milliseconds that a client has to answer the Ping after a stall; less if the timer's period is shorter.
const FRESH_PING_MS: u64 = 10_000;

// Each connection has one.
const _: () = assert!(size_of::<Deadlines>() <= 30);

/// The timers of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    // Recordings hold these numbers.
    ReadTimeout = 0,
    ClientCheck,
    AccountCheck,
    Housekeeping,
    Ping,
    /// A deferred request is refused.
    Answer = ANSWER_TIMER as isize,
}

impl Due {
    /// What metrics call it.
    pub(super) fn timer(self) -> Timer {
        match self {
            Due::ReadTimeout => Timer::Read,
            Due::ClientCheck => Timer::ClientCheck,
            Due::AccountCheck => Timer::AccountCheck,
            Due::Housekeeping => Timer::Housekeeping,
            Due::Ping => Timer::Ping,
            Due::Answer => Timer::Answer,
        }
    }
}

impl Deadlines {
    /// Those of a connection whose upgrade is complete.
    pub(super) fn new(now: Moment, settings: &Settings) -> Self {
        Deadlines {
            read_since: now.into(),
            last_seen: now.into(),
            pinged_at: now.into(),
            client_check_at: now.after(settings.client_check_ms).into(),
            account_check_at: now.after(settings.account_check_ms).into(),
            housekeeping_at: now.after(settings.housekeeping_ms).into(),
        }
    }

    /// Restarts the read timer: a message began or ended, or the server reads the client again after holding
    /// it back.
    pub(super) fn read_since(&mut self, now: Moment) {
        self.read_since = now.into();
    }

    /// The same, for a message that began or ended with the bytes that have just been [seen](Self::seen).
    #[inline(always)]
    pub(super) fn read_since_seen(&mut self) {
        self.read_since = self.last_seen;
    }

    /// Records that bytes came.
    #[inline(always)]
    pub(super) fn seen(&mut self, now: Moment) {
        self.last_seen = now.into();
    }

    /// Records a login or a logout.
    pub(super) fn logged(&mut self, is_in: bool, now: Moment, settings: &Settings) {
        let check_at = if is_in { Moment::NEVER } else { now.after(settings.account_check_ms) };
        self.account_check_at = check_at.into();
    }

    /// All deadlines, for a recording that starts with the connection already open, and its packet rate.
    pub(super) fn noted(&self, packet_rate: PacketRate) -> file::Deadlines {
        let ms = |moment: PackedMoment| Moment::from(moment).as_ms();
        file::Deadlines {
            read_since_ms: ms(self.read_since),
            last_seen_ms: ms(self.last_seen),
            pinged_ms: ms(self.pinged_at),
            client_check_ms: ms(self.client_check_at),
            account_check_ms: ms(self.account_check_at),
            housekeeping_ms: ms(self.housekeeping_at),
            packets_ahead_us: packet_rate.ahead_us(),
        }
    }

    /// The deadlines with which a recording begins.
    pub(super) fn from_noted(noted: &file::Deadlines) -> Self {
        let moment = |ms| Moment::from_ms(ms).into();
        Deadlines {
            read_since: moment(noted.read_since_ms),
            last_seen: moment(noted.last_seen_ms),
            pinged_at: moment(noted.pinged_ms),
            client_check_at: moment(noted.client_check_ms),
            account_check_at: moment(noted.account_check_ms),
            housekeeping_at: moment(noted.housekeeping_ms),
        }
    }

    /// When the read timer was last restarted.
    pub(super) fn last_sign(&self) -> Moment {
        self.read_since.into()
    }

    /// When the client was last sent a Ping.
    pub(super) fn pinged_at(&self) -> Moment {
        self.pinged_at.into()
    }

    pub(super) fn last_seen(&self) -> Moment {
        self.last_seen.into()
    }

    /// The earliest deadline.
    pub(super) fn next(&self, settings: &Settings, waits: Waits) -> Moment {
        let read_at = if waits.suspended { Moment::NEVER } else { self.read_at(settings) };
        let account_check_at = if waits.logging_in { Moment::NEVER } else { self.account_check_at(settings) };
        read_at
            .min(self.client_check_at(settings))
            .min(account_check_at)
            .min(settings.stalls.moved(self.housekeeping_at.into(), settings.housekeeping_ms))
            .min(self.ping_at(settings))
    }

    /// Takes one due timer, and sets it anew; none if no more are due.
    pub(super) fn take_due(&mut self, now: Moment, settings: &Settings, waits: Waits) -> Option<Due> {
        let reads = !waits.suspended && self.read_at(settings) <= now;
        let checks = self.client_check_at(settings) <= now;
        let asks = reads || (checks && settings.liveness == Liveness::Frames);
        if asks && self.needs_ping(settings) {
            self.pinged_at = now.into();
            return Some(Due::Ping);
        }
        if reads {
            return Some(Due::ReadTimeout);
        }
        let account_check = !waits.logging_in && self.is_account_check_due(now, settings);
        let housekeeping_at = settings.stalls.moved(self.housekeeping_at.into(), settings.housekeeping_ms);
        let housekeeping = housekeeping_at <= now;
        let periodic = [
            (&mut self.client_check_at, checks, settings.client_check_ms, Due::ClientCheck),
            (&mut self.account_check_at, account_check, settings.account_check_ms, Due::AccountCheck),
            (&mut self.housekeeping_at, housekeeping, settings.housekeeping_ms, Due::Housekeeping),
        ];
        for (at, is_due, period_ms, due) in periodic {
            if is_due {
                // Count from now, not from when the timer was due: a process that was stopped does not catch
                // up on missed rounds.
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

    /// The start of the client's silence, if a timer ends the connection now because of it. An `exempt`
    /// client is not checked; `suspended` is as in [`Waits`].
    pub(super) fn silent_since(
        &self,
        now: Moment,
        settings: &Settings,
        suspended: bool,
        exempt: bool,
    ) -> Option<Moment> {
        let reads = !suspended && self.read_at(settings) <= now;
        let checks = !exempt
            && settings.liveness == Liveness::Frames
            && self.client_check_at(settings) <= now
            && !self.was_seen_of_late(now, settings);
        let since = [(reads, self.read_since), (checks, self.last_seen)];
        let since = since.into_iter().filter(|(ends, _)| *ends).map(|(_, since)| since.into()).min();
        since.filter(|_| !self.needs_ping(settings))
    }

    /// Whether the client check is due.
    pub(super) fn is_check_due(&self, now: Moment, settings: &Settings) -> bool {
        self.client_check_at(settings) <= now
    }

    /// Whether the account check is due.
    pub(super) fn is_account_check_due(&self, now: Moment, settings: &Settings) -> bool {
        self.account_check_at(settings) <= now
    }

    /// Whether anything came within the last period of the client check.
    pub(super) fn was_seen_of_late(&self, now: Moment, settings: &Settings) -> bool {
        let period_ms = settings.client_check_ms;
        now < settings.stalls.moved(self.last_seen().after(period_ms), period_ms)
    }

    fn account_check_at(&self, settings: &Settings) -> Moment {
        settings.stalls.moved(self.account_check_at.into(), settings.account_check_ms)
    }

    fn ping_at(&self, settings: &Settings) -> Moment {
        self.last_seen().max(self.pinged_at.into()).after(settings.ping_ms)
    }

    fn read_at(&self, settings: &Settings) -> Moment {
        let at = Moment::from(self.read_since).after(settings.read_ms);
        self.asked_at(at, settings.read_ms, settings)
    }

    fn client_check_at(&self, settings: &Settings) -> Moment {
        let (at, period_ms) = (self.client_check_at.into(), settings.client_check_ms);
        match settings.liveness {
            Liveness::Packets => settings.stalls.moved(at, period_ms),
            Liveness::Frames => self.asked_at(at, period_ms, settings),
        }
    }

    /// When a timer that asks for any sign of life fires, if it is due at `at`: not before the client could
    /// have answered a Ping that was sent after a long stall.
    fn asked_at(&self, at: Moment, period_ms: u64, settings: &Settings) -> Moment {
        let stalls = &settings.stalls;
        let at = stalls.moved(at, period_ms);
        let pinged_at = Moment::from(self.pinged_at);
        match stalls.first_long_since(self.last_seen()) {
            Some(end) if at != Moment::NEVER && pinged_at >= end => {
                // Later stalls may have followed the first one within the Ping interval.
                let first = pinged_at.min(end.after(settings.ping_ms));
                let answer_ms = FRESH_PING_MS.min(period_ms);
                at.max(stalls.moved(first.after(answer_ms), answer_ms))
            }
            _ => at,
        }
    }

    /// Whether a Ping must be sent before silence can count against the client.
    fn needs_ping(&self, settings: &Settings) -> bool {
        let stall = settings.stalls.first_long_since(self.last_seen());
        stall.is_some_and(|end| Moment::from(self.pinged_at) < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn settings(change: impl FnOnce(&mut Config)) -> Settings {
        let mut config = Config::default();
        // As the program has them.
        (config.timers.client_check, config.timers.account_check) =
            (Some(std::time::Duration::from_secs(60)), Some(std::time::Duration::from_secs(300)));
        change(&mut config);
        Settings::new(&config)
    }

    #[test]
    fn each_timer_comes_at_its_default_and_not_before() {
        let settings = settings(|_| {});
        let mut deadlines = Deadlines::new(Moment::START, &settings);
        let mut seen = vec![];
        let mut now = Moment::START;
        let waits = Waits { suspended: true, logging_in: false };
        while now < Moment::from_ms(300_000) {
            now = deadlines.next(&settings, waits);
            while let Some(due) = deadlines.take_due(now, &settings, waits) {
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
        let settings = settings(|config| {
            let timers = &mut config.timers;
            (timers.ping_interval, timers.housekeeping) = (None, None);
            (timers.client_check, timers.account_check) = (None, None);
        });
        let mut deadlines = Deadlines::new(Moment::START, &settings);
        let (reads, suspended) = (Waits::default(), Waits { suspended: true, logging_in: false });
        deadlines.read_since(Moment::from_ms(5));
        assert_eq!(deadlines.next(&settings, reads), Moment::from_ms(60_005));
        assert_eq!(deadlines.next(&settings, suspended), Moment::NEVER);
        assert_eq!(deadlines.take_due(Moment::from_ms(60_004), &settings, reads), None);
        assert_eq!(deadlines.take_due(Moment::from_ms(60_005), &settings, suspended), None);
        assert_eq!(deadlines.take_due(Moment::from_ms(60_005), &settings, reads), Some(Due::ReadTimeout));
    }
}
