//! Members of a room say something, and all members receive it.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::room::{Say, enter};
use super::stream::Stream;
use super::{Mark, PATIENCE, Sample, Target, read_available};
use crate::Result;
use crate::histogram::Histogram;

/// Who says how much.
#[derive(Clone, Copy, PartialEq)]
pub struct Talk {
    pub members: usize,
    /// So many of them speak at once.
    pub speakers: usize,
    /// Each says so many texts in one write.
    pub texts: usize,
    pub size: usize,
}

/// The members of a room, and the bytes between them and the server.
struct Room {
    poll: Poll,
    events: Events,
    streams: Vec<Stream>,
    speakers: usize,
    /// The bytes that a speaker sends.
    said: Vec<u8>,
    /// Bytes that come for all that is said at once, to all clients together.
    heard_bytes: usize,
    latency: Histogram,
}

/// A message of the sample is a delivery to one member; the latency is that of all that is said at once.
pub fn push(target: &Target, talk: Talk, warm_up: Duration, slice: Duration) -> Result<Sample> {
    let mut room = Room::open(target, talk)?;
    room.go_on(warm_up)?;
    room.latency.clear();
    let mark = Mark::now(&target.server)?;
    let turns = room.go_on(slice)?;
    let deliveries = turns * talk.speakers * talk.texts * talk.members;
    mark.sample(&target.server, deliveries as u64, room.latency)
}

impl Room {
    fn open(target: &Target, talk: Talk) -> Result<Room> {
        let say = Say::new(target.dialect, talk.size);
        let streams = enter(target, talk.members)?;
        let poll = Poll::new()?;
        for (index, stream) in streams.iter().enumerate() {
            stream.register(&poll, Token(index))?;
        }
        let heard = say.pushed.len() * talk.members + say.acknowledged.len();
        Ok(Room {
            poll,
            events: Events::with_capacity(1024),
            streams,
            speakers: talk.speakers,
            said: say.request.repeat(talk.texts),
            heard_bytes: heard * talk.speakers * talk.texts,
            latency: Histogram::new(),
        })
    }

    /// Lets all speakers speak, waits until all members have heard everything, and repeats. Returns how
    /// often.
    fn go_on(&mut self, slice: Duration) -> Result<usize> {
        let mut buffer = vec![0; 64 * 1024];
        let begin = Instant::now();
        let mut turns = 0;
        while begin.elapsed() < slice {
            let said = Instant::now();
            for stream in &mut self.streams[..self.speakers] {
                if stream.write(&self.said)? != self.said.len() {
                    return Err("a socket is full".into());
                }
            }
            let mut heard_bytes = 0;
            while heard_bytes < self.heard_bytes {
                match self.poll.poll(&mut self.events, Some(Duration::from_millis(100))) {
                    Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                    _ => {}
                }
                for event in self.events.iter().filter(|event| event.is_readable()) {
                    heard_bytes += read_available(&mut self.streams[event.token().0], &mut buffer, |_| ())?;
                }
                if said.elapsed() > PATIENCE {
                    return Err("a push does not reach all".into());
                }
            }
            if heard_bytes > self.heard_bytes {
                return Err("more was pushed than was said".into());
            }
            self.latency.record(said.elapsed());
            turns += 1;
        }
        Ok(turns)
    }
}
