//! Clients that receive little or nothing, and clients that send as much as possible.

use std::time::Duration;

use sysconn::Config;
use sysconn::sim::{End, Next, Script, ScriptRunner};

use crate::commands;
use crate::regular::check_push;

/// The behaviour of such a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behaviour {
    /// Requests much, receives nothing for a while, and then all of it.
    CatchesUp,
    /// Is pushed more than its outbox takes, and then receives the available output.
    Overflows,
    /// The same, but receives nothing until it is too late.
    OverflowsForGood,
    /// Requests much, and never receives anything.
    NeverReads,
    /// Sends thousands of packets at once.
    Floods,
    /// Sends messages of the greatest length, one behind the other.
    FloodsLarge,
    /// Sends only Pings.
    FloodsPings,
}

const BEHAVIOURS: [Behaviour; 7] = [
    Behaviour::CatchesUp,
    Behaviour::Overflows,
    Behaviour::OverflowsForGood,
    Behaviour::NeverReads,
    Behaviour::Floods,
    Behaviour::FloodsLarge,
    Behaviour::FloodsPings,
];

/// Ends of a connection that was cut off because its client did not receive.
const CUT_OFF: [End; 2] = [End::Silent, End::Reset];

/// A slow client, or one that floods.
pub(crate) struct Slow {
    behaviour: Behaviour,
    config: Config,
    step: u32,
    pushes: [u32; 2],
}

impl Slow {
    pub(crate) fn any(number: u64, config: &Config) -> Self {
        let behaviour = BEHAVIOURS[number as usize % BEHAVIOURS.len()];
        Slow { behaviour, config: config.clone(), step: 0, pushes: [0; 2] }
    }

    /// The plans have a limit.
    fn outbox_limit(&self) -> usize {
        self.config.output.outbox_limit.unwrap_or_default()
    }

    /// The plans have a read timer.
    fn read(&self) -> Duration {
        self.config.timers.read.unwrap_or_default()
    }

    fn request_much(&self, runner: &mut ScriptRunner) {
        let data = vec![runner.number() as u8; 3000];
        let count = 2 * self.outbox_limit() / data.len();
        for _ in 0..count.min(400) {
            runner.call(commands::ECHO, &data, &data);
        }
    }

    fn overflow(&self, runner: &mut ScriptRunner) {
        let size = 5000u16;
        // More than the server may hold for one client.
        let most = self.outbox_limit() + self.config.limits.max_len;
        let count = (most / usize::from(size) + 60) as u16;
        runner.request(commands::PUSH, &[count.to_be_bytes(), size.to_be_bytes()].concat());
        runner.must_end(&[End::Closed(Some(4008))]);
    }

    fn flood(&self, runner: &mut ScriptRunner) -> Next {
        match self.behaviour {
            Behaviour::Floods => {
                for number in 0..2500u32 {
                    if number % 3 == 0 {
                        runner.request(commands::SINK, b"sunk");
                    } else {
                        runner.call(commands::ECHO, &number.to_be_bytes(), &number.to_be_bytes());
                    }
                }
            }
            Behaviour::FloodsLarge => {
                let data = vec![runner.number() as u8; self.config.limits.max_len - 9];
                for _ in 0..6 {
                    runner.request(commands::SINK, &data);
                }
                runner.call(commands::ECHO, &data, &data);
            }
            _ => {
                for number in 0..1500u32 {
                    runner.ping(&number.to_be_bytes());
                }
            }
        }
        Next::Answered
    }
}

impl Script for Slow {
    fn act(&mut self, runner: &mut ScriptRunner) -> Next {
        self.step += 1;
        match (self.behaviour, self.step) {
            (_, 1) => {
                runner.upgrade();
                Next::Answered
            }
            (Behaviour::Floods | Behaviour::FloodsLarge | Behaviour::FloodsPings, 2) => self.flood(runner),
            (Behaviour::CatchesUp, 2) => {
                runner.stop_receiving();
                self.request_much(runner);
                Next::After(self.read() / 4)
            }
            (Behaviour::CatchesUp, 3) => {
                runner.resume_receiving();
                Next::Answered
            }
            (Behaviour::Overflows, 2) => {
                runner.stop_receiving();
                self.overflow(runner);
                Next::After(self.config.timers.close / 3)
            }
            (Behaviour::OverflowsForGood, 2) => {
                runner.stop_receiving();
                self.overflow(runner);
                runner.may_end(&CUT_OFF);
                Next::After(self.config.timers.close * 3)
            }
            (Behaviour::NeverReads, 2) => {
                runner.stop_receiving();
                self.request_much(runner);
                runner.allow_missing(0);
                runner.may_end(&CUT_OFF);
                runner.may_end(&[End::Closed(Some(4009)), End::Closed(Some(4003))]);
                Next::After(self.read() * 2)
            }
            (Behaviour::Overflows | Behaviour::OverflowsForGood | Behaviour::NeverReads, _) => {
                runner.resume_receiving();
                Next::Rest
            }
            _ => {
                runner.close(1000);
                Next::Rest
            }
        }
    }

    fn pushed(&mut self, runner: &mut ScriptRunner, _: u16, data: &[u8]) -> Result<(), String> {
        check_push(&mut self.pushes, runner, data)
    }
}

/// A client that stays until the server drains.
pub(crate) struct Guest {
    begun: bool,
    logs_in: Option<u64>,
}

impl Guest {
    pub(crate) fn new(logs_in: Option<u64>) -> Self {
        Guest { begun: false, logs_in }
    }
}

impl Script for Guest {
    fn act(&mut self, runner: &mut ScriptRunner) -> Next {
        if !self.begun {
            self.begun = true;
            runner.upgrade();
            if let Some(role) = self.logs_in {
                runner.call(commands::LOGIN, &role.to_be_bytes(), b"");
            }
        } else if self.logs_in.is_some() {
            runner.call(commands::ECHO, b"here", b"here");
        }
        if self.logs_in.is_none() && runner.now() > Duration::from_secs(250) {
            runner.close(1000);
            return Next::Rest;
        }
        runner.call(commands::ECHO, b"still here", b"still here");
        Next::Stay(Duration::from_secs(20))
    }
}
