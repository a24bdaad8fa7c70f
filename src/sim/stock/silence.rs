//! Clients that say too little, and the timer that ends each of them.

use std::time::Duration;

use crate::config::Config;
use crate::frame::Opcode;
use crate::packet::ErrorId;
use crate::sim::{End, Next, Player, Random, Script};

/// What a timer may come late by: what faults delay, and the end of the connection itself.
const SLACK: Duration = Duration::from_secs(5);
/// The server counts whole milliseconds.
const TICK: Duration = Duration::from_millis(2);

/// In what way a client is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Says nothing at all, or not all of its request.
    NeverAsks,
    /// Sends its request byte by byte, too slowly.
    AsksSlowly,
    /// Says nothing once it is upgraded.
    Mute,
    /// Answers Pings, and sends nothing else.
    OnlyPongs,
    /// Never sends the rest of a frame.
    HalfFrame,
    /// Never sends the rest of a message, but Pings.
    HalfMessage,
    /// Sends a packet now and then, and never logs in.
    NeverLogsIn,
}

const MANNERS: [Manner; 7] = [
    Manner::NeverAsks,
    Manner::AsksSlowly,
    Manner::Mute,
    Manner::OnlyPongs,
    Manner::HalfFrame,
    Manner::HalfMessage,
    Manner::NeverLogsIn,
];

/// A client that is silent in some way, until a timer ends its connection.
#[derive(Clone, Copy, Debug)]
pub struct Silence {
    manner: Manner,
    step: u32,
    asked_at: Duration,
    handshake: Duration,
    read: Duration,
    client_check: Duration,
    account_check: Duration,
}

impl Silence {
    /// One of the ways. Timers that are off end nobody: with one of those do not use this.
    #[must_use]
    pub fn any(random: &mut Random, config: &Config) -> Self {
        Silence {
            manner: MANNERS.get(random.index(MANNERS.len())).copied().unwrap_or(Manner::Mute),
            step: 0,
            asked_at: Duration::ZERO,
            handshake: config.handshake_timeout,
            read: config.read_timeout,
            client_check: config.client_check,
            account_check: config.account_check,
        }
    }

    /// Asks for the upgrade, or does not.
    fn ask(&mut self, player: &mut Player) -> Next {
        self.asked_at = player.now();
        let valid = player.upgrade_request("/");
        match self.manner {
            Manner::NeverAsks => {
                let cut = player.random().index(valid.len());
                player.raw(valid.get(..cut).unwrap_or_default());
            }
            Manner::AsksSlowly => {
                player.set_pace(1, self.handshake / 10);
                // Its end never comes. A server without descriptors may accept this client when all else has.
                player.raw(valid.get(..valid.len() - 1).unwrap_or_default());
            }
            _ => {
                player.upgrade();
                return Next::Answered;
            }
        }
        player.must_end(&[End::Refused(408)]);
        player.must_end_within(self.handshake.saturating_sub(TICK), self.handshake + SLACK);
        Next::Rest
    }

    /// Is silent, now that the upgrade was accepted.
    fn begin(&mut self, player: &mut Player) -> Next {
        let first = self.read.min(self.client_check);
        let either = [End::Closed(Some(4009)), End::Closed(Some(4003))];
        match self.manner {
            Manner::NeverAsks | Manner::AsksSlowly => {}
            Manner::Mute => {
                player.set_answers_pings(false);
                self.ends(player, &either, first, first);
            }
            // Without a Pong in time it is the read timer's.
            Manner::OnlyPongs => self.ends(player, &either, first, self.client_check.max(self.read)),
            Manner::HalfFrame => {
                player.set_answers_pings(false);
                player.raw(b"\x82\xfe\x01");
                self.ends(player, &either, first, first);
            }
            Manner::HalfMessage => {
                player.frame(false, Opcode::Binary, b"the first half");
                self.ends(player, &either, first, first);
                return Next::After(self.read / 7);
            }
            Manner::NeverLogsIn => {
                self.ends(player, &[End::Closed(Some(4004))], self.account_check, self.account_check);
                return Next::After(Duration::ZERO);
            }
        }
        Next::Rest
    }

    /// The end comes not earlier than `earliest` after the upgrade, which was not before it was asked for, and not much later
    /// than `latest` after it, which was before now.
    fn ends(&self, player: &mut Player, ends: &[End], earliest: Duration, latest: Duration) {
        player.must_end(ends);
        let passed = player.now() - self.asked_at;
        player.must_end_within(earliest.saturating_sub(passed + TICK), latest + SLACK);
    }
}

impl Script for Silence {
    fn act(&mut self, player: &mut Player) -> Next {
        self.step += 1;
        match self.manner {
            _ if self.step == 1 => self.ask(player),
            _ if self.step == 2 => self.begin(player),
            Manner::HalfMessage => {
                player.ping(&self.step.to_be_bytes());
                Next::After(self.read / 7)
            }
            Manner::NeverLogsIn => {
                player.call_refused(u16::MAX, b"", ErrorId::UNKNOWN_COMMAND.0);
                Next::After(self.client_check.min(self.read).mul_f64(0.8))
            }
            _ => Next::Rest,
        }
    }
}
