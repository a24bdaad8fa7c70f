//! A game: each player sends input at a fixed rate, which is echoed, and one client sends its state to all.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::room::{Say, enter};
use super::stream::Stream;
use super::{Mark, PATIENCE, Sample, Target, read_available};
use crate::Result;
use crate::frames::Frames;
use crate::histogram::Histogram;
use crate::wire::{Reply, frame_payload_len};

/// How often each player sends input, and the game its state, in a second.
const INPUTS: f64 = 60.0;
const STATES: f64 = 20.0;
/// Bytes of both; a text of protobuf that the load can write has less than 128.
const INPUT_BYTES: usize = 32;
const STATE_BYTES: usize = 120;

/// A client. The last one is the game.
struct Player {
    stream: Stream,
    frames: Frames,
    /// When its inputs without a reply were due.
    inputs: VecDeque<Instant>,
    /// States that it has received.
    states: usize,
}

/// All of them.
struct Game {
    poll: Poll,
    events: Events,
    players: Vec<Player>,
    buffer: Vec<u8>,
    input: Vec<u8>,
    say: Say,
    /// The lengths of what they get.
    reply_len: usize,
    state_len: usize,
    /// When the states were due.
    states: Vec<Instant>,
    messages: u64,
    latency: Histogram,
}

/// A message of the sample is a reply to an input, or a state that has reached a player; the latency of both
/// counts from the moment when they were due.
pub fn mixed(target: &Target, players: usize, warm_up: Duration, slice: Duration) -> Result<Sample> {
    let mut game = Game::open(target, players)?;
    game.go_on(warm_up)?;
    game.settle()?;
    game.latency.clear();
    let (mark, messages) = (Mark::now(&target.server)?, game.messages);
    game.go_on(slice)?;
    let elapsed = mark.elapsed();
    game.settle()?;
    let mut sample = mark.sample(&target.server, game.messages - messages, game.latency)?;
    sample.elapsed = elapsed;
    Ok(sample)
}

impl Game {
    fn open(target: &Target, players: usize) -> Result<Game> {
        let poll = Poll::new()?;
        let mut all = vec![];
        for stream in enter(target, players + 1)? {
            stream.register(&poll, Token(all.len()))?;
            all.push(Player { stream, frames: Frames::default(), inputs: VecDeque::new(), states: 0 });
        }
        let exchange = target.dialect.echo(INPUT_BYTES);
        let Reply::Bytes(reply) = &exchange.reply else { return Err("inputs have fixed replies".into()) };
        let say = Say::new(target.dialect, STATE_BYTES);
        Ok(Game {
            poll,
            events: Events::with_capacity(1024),
            players: all,
            buffer: vec![0; 64 * 1024],
            input: exchange.request().to_vec(),
            reply_len: frame_payload_len(reply),
            state_len: frame_payload_len(&say.pushed),
            say,
            states: vec![],
            messages: 0,
            latency: Histogram::new(),
        })
    }

    /// The load never sleeps here: a wake-up would come later than the moment to send.
    fn go_on(&mut self, slice: Duration) -> Result<()> {
        let players = self.players.len() - 1;
        let begin = Instant::now();
        let due = |count: u32, rate: f64| Duration::from_secs_f64(f64::from(count) / rate);
        let (mut inputs, mut states) = (0, 0);
        loop {
            let now = begin.elapsed();
            if now >= slice {
                return Ok(());
            }
            while due(inputs, INPUTS * players as f64) <= now {
                let player = &mut self.players[inputs as usize % players];
                player.inputs.push_back(begin + due(inputs, INPUTS * players as f64));
                write(&mut player.stream, &self.input)?;
                inputs += 1;
            }
            while due(states, STATES) <= now {
                self.states.push(begin + due(states, STATES));
                write(&mut self.players[players].stream, &self.say.request)?;
                states += 1;
            }
            self.turn(Duration::ZERO)?;
        }
    }

    fn turn(&mut self, timeout: Duration) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in self.events.iter().filter(|event| event.is_readable()) {
            let Player { stream, frames, inputs, states } = &mut self.players[event.token().0];
            let mut due = vec![];
            let mut arrive = |len| {
                if len == self.reply_len {
                    due.push(inputs.pop_front());
                } else if len == self.state_len {
                    due.push(self.states.get(*states).copied());
                    *states += 1;
                }
            };
            read_available(stream, &mut self.buffer, |bytes| frames.take(bytes, &mut arrive))?;
            let now = Instant::now();
            for due in due {
                let due = due.ok_or("more came back than was asked for")?;
                self.latency.record(now.saturating_duration_since(due));
                self.messages += 1;
            }
        }
        Ok(())
    }

    /// Waits for all that is under way.
    fn settle(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let has_all = |player: &Player, states| player.inputs.is_empty() && player.states == states;
        while !self.players.iter().all(|player| has_all(player, self.states.len())) {
            self.turn(Duration::from_millis(10))?;
            if Instant::now() > deadline {
                return Err("replies or states did not come".into());
            }
        }
        Ok(())
    }
}

/// These bytes are few: a socket whose client reads takes all of them.
fn write(stream: &mut Stream, bytes: &[u8]) -> Result<()> {
    if stream.write(bytes)? == bytes.len() { Ok(()) } else { Err("a socket is full".into()) }
}
