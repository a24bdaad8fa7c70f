//! The clients of a simulation under way: they connect, act when it is their turn, take what comes, and leave.

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::invariant::{Invariant, Violation};
use super::player::Player;
use super::random::Random;
use super::run::Run;
use super::script::{Next, Script};
use super::seat::{Seat, Verdict};
use super::simulation::Simulated;
use crate::record::Peer;

/// Acts in a row of one script that take no time.
const MAX_ACTS: u32 = 10_000;

/// What is on the agenda.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    Connect,
    Act,
    Flush,
}

/// When, in which order, for whom, on which of its connections, and what.
pub(super) type Entry = (Duration, u64, u32, u32, Item);

/// A client: on a connection, or before its first or next one.
pub(super) struct Place {
    pub(super) seat: Option<Seat>,
    /// Who is to connect.
    pub(super) script: Option<Box<dyn Script>>,
    pub(super) random: Random,
    /// Connections so far: what was put on the agenda for an earlier one is void.
    pub(super) life: u32,
    pub(super) acts: u32,
}

impl<S: Simulated> Run<'_, S> {
    pub(super) fn plan_item(&mut self, at: Duration, number: u32, item: Item) {
        let life = self.places.get(number as usize).map_or(0, |place| place.life);
        self.last_item += 1;
        self.agenda.push(Reverse((at, self.last_item, number, life, item)));
    }

    /// Does what is due by now.
    pub(super) fn work_off_agenda(&mut self) -> Result<(), Violation> {
        while let Some(&Reverse((at, _, number, life, item))) = self.agenda.peek() {
            if at > self.now {
                break;
            }
            self.agenda.pop();
            let Some(place) = self.places.get_mut(number as usize).filter(|place| place.life == life) else {
                continue;
            };
            place.acts = 0;
            match item {
                Item::Connect => self.connect(number)?,
                Item::Act => self.act(number)?,
                Item::Flush => {
                    let again = place.seat.as_mut().and_then(Seat::flush);
                    self.after_flush(number, again);
                    self.act_if_answered(number)?;
                }
            }
        }
        Ok(())
    }

    fn connect(&mut self, number: u32) -> Result<(), Violation> {
        let peer = self.peer(number);
        let Some(place) = self.places.get_mut(number as usize) else { return Ok(()) };
        let Some(script) = place.script.take() else { return Ok(()) };
        let Ok(line) = self.network.connect(peer) else {
            // Nobody listens any more.
            self.busy -= usize::from(self.weather.drain.is_some());
            if self.weather.drain.is_none() {
                place.script = Some(script);
                self.plan_item(self.now + Duration::from_millis(100), number, Item::Connect);
            }
            return Ok(());
        };
        let player =
            Player::new(number, peer, self.now, place.random.fork(), self.flags.clone(), self.packets);
        self.report.connections += 1;
        place.life += 1;
        let index = line.number() as usize;
        if self.numbers.len() <= index {
            self.numbers.resize(index + 1, (u32::MAX, 0));
        }
        if let Some(entry) = self.numbers.get_mut(index) {
            *entry = (number, place.life);
        }
        self.seated.push((number, place.life));
        place.seat = Some(Seat::new(player, script, line, self.plan.config.close_timeout));
        self.act(number)
    }

    /// An address that no other connection has, in groups that share one IP address.
    fn peer(&self, number: u32) -> Peer {
        let group = number / self.plan.clients_per_address.max(1);
        let [_, a, b, c] = group.to_be_bytes();
        let life = self.places.get(number as usize).map_or(0, |place| place.life);
        let port = 1024 + (number % self.plan.clients_per_address.max(1)) * 64 + life % 64;
        Peer::Ip(IpAddr::V4(Ipv4Addr::new(10, a, b, c)), port as u16)
    }

    fn act(&mut self, number: u32) -> Result<(), Violation> {
        let Some(place) = self.places.get_mut(number as usize) else { return Ok(()) };
        let Some(seat) = place.seat.as_mut() else { return Ok(()) };
        let was_deaf = seat.player.is_deaf;
        place.acts += 1;
        if place.acts > MAX_ACTS {
            self.culprit = Some(number);
            return Err(Violation::new(Invariant::Script, "the script acts without end and without waiting"));
        }
        let was_staying = matches!(seat.next, Next::Stay(_));
        let again = seat.act(self.now);
        let (next, hears_again) = (seat.next, was_deaf && !seat.player.is_deaf);
        let stays = matches!(next, Next::Stay(_));
        match (was_staying, stays) {
            (false, true) => self.busy -= 1,
            (true, false) => self.busy += 1,
            _ => {}
        }
        match next {
            Next::After(time) | Next::Stay(time) => self.plan_item(self.now + time, number, Item::Act),
            Next::Answered | Next::Rest | Next::Return(_) => {}
        }
        self.touched.push(number);
        self.after_flush(number, again);
        if hears_again {
            self.receive(number)?;
        }
        self.act_if_answered(number)
    }

    fn after_flush(&mut self, number: u32, again: Option<Duration>) {
        if let Some(wait) = again {
            self.plan_item(self.now + wait, number, Item::Flush);
        }
        let is_over = self
            .places
            .get(number as usize)
            .and_then(|place| place.seat.as_ref())
            .is_some_and(|seat| seat.is_over);
        if is_over {
            // It has cut the connection off, or was taken from it.
            self.leave(number, Verdict { end: None, excused: false });
        }
    }

    fn act_if_answered(&mut self, number: u32) -> Result<(), Violation> {
        let seat = self.places.get(number as usize).and_then(|place| place.seat.as_ref());
        if seat.is_some_and(|seat| seat.next == Next::Answered && seat.player.is_answered()) {
            return self.act(number);
        }
        Ok(())
    }

    /// Has clients take what has come, until nothing more does: to take some makes room for the rest.
    pub(super) fn take_news(&mut self) -> Result<(), Violation> {
        loop {
            let mut news = std::mem::take(&mut self.news);
            self.network.news(&mut news);
            if news.is_empty() {
                return Ok(());
            }
            for index in news.drain(..) {
                let Some(&(number, life)) = self.numbers.get(index as usize) else { continue };
                let place = self.places.get_mut(number as usize).filter(|place| place.life == life);
                let Some(place) = place else { continue };
                place.acts = 0;
                self.receive(number)?;
                self.act_if_answered(number)?;
            }
            self.news = news;
        }
    }

    pub(super) fn receive(&mut self, number: u32) -> Result<(), Violation> {
        let Some(seat) = self.places.get_mut(number as usize).and_then(|place| place.seat.as_mut()) else {
            return Ok(());
        };
        let (flags, trace) = (&self.flags, &mut self.report.trace);
        let verdict = seat.receive(self.now, &self.weather, trace, |flag| flags.borrow().owner(flag));
        let verdict = verdict.inspect_err(|_| self.culprit = Some(number))?;
        self.touched.push(number);
        // A Pong, or the end of the client's side, may be due.
        let again = seat.flush();
        match verdict {
            Some(verdict) => self.leave(number, verdict),
            None => self.after_flush(number, again),
        }
        Ok(())
    }

    /// A connection has ended.
    fn leave(&mut self, number: u32, verdict: Verdict) {
        let Some(place) = self.places.get_mut(number as usize) else { return };
        let Some(seat) = place.seat.take() else { return };
        place.life += 1;
        self.auditor.forget(seat.line.number());
        self.report.replies += seat.player.oracle.checked;
        self.report.opened += u64::from(seat.player.oracle.status == Some(101));
        self.report.excused += u64::from(verdict.excused);
        let end = verdict.end.map_or("cut off by the client".to_owned(), |end| end.to_string());
        *self.report.ends.entry(end).or_default() += 1;
        let stayed = matches!(seat.next, Next::Stay(_));
        match seat.next {
            Next::Return(wait) if self.weather.drain.is_none() => {
                place.script = Some(seat.script);
                self.plan_item(self.now + wait, number, Item::Connect);
            }
            _ => self.busy -= usize::from(!stayed),
        }
    }
}
