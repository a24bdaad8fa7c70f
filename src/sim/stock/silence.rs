//! Clients that send too little, and the timer that closes each of them.

use std::time::Duration;

use crate::config::{Config, MAX_TIMER, Timers};
use crate::frame::Opcode;
use crate::packet::ErrorId;
use crate::sim::{End, Next, Random, Script, ScriptRunner};

/// How late a timer may be: delays by faults, and the end of the connection itself.
const SLACK: Duration = Duration::from_secs(5);
/// The server rounds to whole milliseconds.
const TICK: Duration = Duration::from_millis(2);

/// The remaining actions of a silent client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behaviour {
    /// Sends nothing, or only a part of its request.
    NeverAsks,
    /// Sends its request byte by byte, too slowly.
    AsksSlowly,
    /// Sends nothing once it is upgraded.
    Mute,
    /// Answers Pings, and sends nothing else.
    OnlyPongs,
    /// Never sends the rest of a frame.
    HalfFrame,
    /// Never sends the rest of a message, but sends Pings.
    HalfMessage,
    /// Sends a packet now and then, and never logs in.
    NeverLogsIn,
}

const BEHAVIOURS: [Behaviour; 7] = [
    Behaviour::NeverAsks,
    Behaviour::AsksSlowly,
    Behaviour::Mute,
    Behaviour::OnlyPongs,
    Behaviour::HalfFrame,
    Behaviour::HalfMessage,
    Behaviour::NeverLogsIn,
];

/// A client that sends too little, until a timer closes its connection.
#[derive(Clone, Copy, Debug)]
pub struct Silence {
    behaviour: Behaviour,
    step: u32,
    asked_at: Duration,
    handshake: Duration,
    read: Duration,
    client_check: Duration,
    account_check: Duration,
}

impl Behaviour {
    /// Whether a timer that is on closes such a client.
    fn is_closed_by(self, timers: &Timers) -> bool {
        match self {
            Behaviour::NeverAsks | Behaviour::AsksSlowly => timers.handshake.is_some(),
            Behaviour::Mute | Behaviour::HalfFrame | Behaviour::HalfMessage => {
                timers.read.is_some() || timers.client_check.is_some()
            }
            Behaviour::OnlyPongs => timers.client_check.is_some(),
            Behaviour::NeverLogsIn => timers.account_check.is_some(),
        }
    }
}

impl Silence {
    /// Silent in a random way that a timer ends. Not for a configuration in which the handshake timer and the
    /// read timer are off.
    #[must_use]
    pub fn any(random: &mut Random, config: &Config) -> Self {
        let timers = &config.timers;
        let closed: Vec<_> =
            BEHAVIOURS.into_iter().filter(|behaviour| behaviour.is_closed_by(timers)).collect();
        Silence {
            behaviour: closed.get(random.index(closed.len())).copied().unwrap_or(Behaviour::Mute),
            step: 0,
            asked_at: Duration::ZERO,
            handshake: timers.handshake.unwrap_or(MAX_TIMER),
            read: timers.read.unwrap_or(MAX_TIMER),
            client_check: timers.client_check.unwrap_or(MAX_TIMER),
            account_check: timers.account_check.unwrap_or(MAX_TIMER),
        }
    }

    /// Requests the upgrade, or does not.
    fn ask(&mut self, runner: &mut ScriptRunner) -> Next {
        self.asked_at = runner.now();
        let valid = runner.upgrade_request("/");
        match self.behaviour {
            Behaviour::NeverAsks => {
                let cut = runner.random().index(valid.len());
                runner.raw(valid.get(..cut).unwrap_or_default());
            }
            Behaviour::AsksSlowly => {
                runner.set_pace(1, self.handshake / 10);
                // The last byte is never sent: a server without descriptors may accept this client only when
                // all else has arrived.
                runner.raw(valid.get(..valid.len() - 1).unwrap_or_default());
            }
            _ => {
                runner.upgrade();
                return Next::Answered;
            }
        }
        runner.must_end(&[End::Refused(408)]);
        runner.must_end_within(self.handshake.saturating_sub(TICK), self.handshake + SLACK);
        Next::Rest
    }

    /// Is silent, now that the upgrade was accepted.
    fn begin(&mut self, runner: &mut ScriptRunner) -> Next {
        let first = self.read.min(self.client_check);
        let either = [End::Closed(Some(4009)), End::Closed(Some(4003))];
        match self.behaviour {
            Behaviour::NeverAsks | Behaviour::AsksSlowly => {}
            Behaviour::Mute => {
                runner.set_answers_pings(false);
                self.ends(runner, &either, first, first);
            }
            // A Pong that is late leaves it to the read timer.
            Behaviour::OnlyPongs => self.ends(runner, &either, first, self.client_check.max(self.read)),
            Behaviour::HalfFrame => {
                runner.set_answers_pings(false);
                runner.raw(b"\x82\xfe\x01");
                self.ends(runner, &either, first, first);
            }
            Behaviour::HalfMessage => {
                runner.frame(false, Opcode::Binary, b"the first half");
                self.ends(runner, &either, first, first);
                return Next::After(self.read / 7);
            }
            Behaviour::NeverLogsIn => {
                self.ends(runner, &[End::Closed(Some(4004))], self.account_check, self.account_check);
                return Next::After(Duration::ZERO);
            }
        }
        Next::Rest
    }

    /// Expects one of these ends between `earliest` and about `latest` after the upgrade, which happened
    /// between the request and now.
    fn ends(&self, runner: &mut ScriptRunner, ends: &[End], earliest: Duration, latest: Duration) {
        runner.must_end(ends);
        let passed = runner.now() - self.asked_at;
        runner.must_end_within(earliest.saturating_sub(passed + TICK), latest + SLACK);
    }
}

impl Script for Silence {
    fn act(&mut self, runner: &mut ScriptRunner) -> Next {
        self.step += 1;
        match self.behaviour {
            _ if self.step == 1 => self.ask(runner),
            _ if self.step == 2 => self.begin(runner),
            Behaviour::HalfMessage => {
                runner.ping(&self.step.to_be_bytes());
                Next::After(self.read / 7)
            }
            Behaviour::NeverLogsIn => {
                if runner.now() + SLACK >= self.asked_at + self.account_check {
                    // A stall has moved the timer, and the server's Close may cross this request.
                    runner.allow_missing(runner.pending());
                }
                runner.call_refused(u16::MAX, b"", ErrorId::UNKNOWN_COMMAND.0);
                Next::After(self.client_check.min(self.read).mul_f64(0.8))
            }
            _ => Next::Rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::{Application, Module, Router};
    use crate::sim::{Faults, Simulated, Simulation};

    struct Game;
    impl Application for Game {
        type Session = ();
    }
    impl Simulated for Game {}
    static NO_ROUTES: Router<Game> = Router::new([&Module::new(21, "none", [])]);

    #[test]
    fn a_request_that_crosses_the_close_need_not_be_answered() {
        // The second request leaves when the timer is due, and either can be delayed.
        let mut simulation = Simulation::new(1);
        let timers = &mut simulation.config.timers;
        timers.client_check = Some(Duration::from_secs(60));
        timers.account_check = Some(Duration::from_secs(48));
        simulation.faults = Faults::harmless(0.3);
        let config = simulation.config.clone();
        let script = |_, random: &mut Random| -> Box<dyn Script> {
            Box::new(Silence { behaviour: Behaviour::NeverLogsIn, ..Silence::any(random, &config) })
        };
        let report = simulation.run(&NO_ROUTES, |_| Game, script).unwrap();
        assert!(report.opened == 100 && (100..200).contains(&report.replies), "{report}");
    }

    #[test]
    fn only_silences_that_a_timer_ends_are_chosen() {
        let minute = Some(Duration::from_secs(60));
        let chosen = |change: fn(&mut Timers, Option<Duration>)| {
            let config = Config::with(|config| change(&mut config.timers, minute));
            let random = &mut Random::new(1);
            let mut seen: Vec<_> = (0..500).map(|_| Silence::any(random, &config).behaviour).collect();
            seen.sort_by_key(|behaviour| *behaviour as u8);
            seen.dedup();
            seen
        };
        let [never, slowly, mute, pongs, half_frame, half_message, no_login] = BEHAVIOURS;
        assert_eq!(chosen(|_, _| {}), [never, slowly, mute, half_frame, half_message]);
        assert_eq!(
            chosen(|timers, minute| (timers.client_check, timers.account_check) = (minute, minute)),
            BEHAVIOURS
        );
        assert_eq!(
            chosen(
                |timers, minute| (timers.handshake, timers.read, timers.client_check) = (None, None, minute)
            ),
            [mute, pongs, half_frame, half_message]
        );
        assert_eq!(
            chosen(
                |timers, minute| (timers.handshake, timers.read, timers.account_check) = (None, None, minute)
            ),
            [no_login]
        );
    }
}
