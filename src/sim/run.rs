//! A simulation under way: clients act, the reactor turns, and after each turn all is looked at.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::time::Duration;

use super::auditor::Auditor;
use super::fault::Fault;
use super::flags::Flags;
use super::invariant::{Invariant, Violation};
use super::network::Network;
use super::places::{Entry, Item, Place};
use super::random::Random;
use super::report::{Failure, Report, mix};
use super::script::Script;
use super::seat::{Drain, Seat, Weather};
use super::simulation::{Simulated, Simulation};
use super::watch::Watch;
use crate::reactor::{Reactor, Turn};
use crate::router::Service;

/// Connections that are looked at before each turn, besides those that something has happened to.
const LOOKS: usize = 6;
/// A turn is due after so much time at the latest while somebody may be stuck.
pub(super) const CLOSE_LOOK: Duration = Duration::from_millis(10);
/// The longest sleep, where nobody has anything to do.
const LONG_SLEEP: Duration = Duration::from_secs(600);
/// How long a server that drains accepts those who wait, to tell them.
const ACCEPT: Duration = Duration::from_secs(1);
/// A simulation under way.
pub(super) struct Run<'a, S: Simulated> {
    pub(super) plan: &'a Simulation,
    pub(super) network: Network,
    pub(super) reactor: Reactor<S>,
    pub(super) random: Random,
    pub(super) flags: Rc<RefCell<Flags>>,
    pub(super) packets: bool,
    pub(super) places: Vec<Place>,
    /// The places of connections by their numbers, and whether it is still that connection's.
    pub(super) numbers: Vec<(u32, u32)>,
    /// What is next comes out first.
    pub(super) agenda: BinaryHeap<Reverse<Entry>>,
    pub(super) last_item: u64,
    pub(super) news: Vec<u64>,
    pub(super) weather: Weather,
    /// Jumps of time so far.
    jumps: u64,
    /// Accepts so far that said that nobody waits where somebody did.
    misled: u64,
    pub(super) watch: Watch,
    pub(super) auditor: Auditor,
    /// Connections that may still be there: clients, and which of their connections it is.
    pub(super) seated: Vec<(u32, u32)>,
    /// Which of them is looked at next.
    pub(super) looked: usize,
    /// Clients that have acted or received since the last turn.
    pub(super) touched: Vec<u32>,
    pub(super) now: Duration,
    /// Clients that have not come to their end, but for those that stay.
    pub(super) busy: usize,
    pub(super) report: Report,
    pub(super) culprit: Option<u32>,
}

impl<'a, S: Simulated> Run<'a, S> {
    pub(super) fn new(
        plan: &'a Simulation,
        service: Service<S>,
        state: S,
        mut script: impl FnMut(u32, &mut Random) -> Box<dyn Script>,
    ) -> Result<Self, Failure> {
        let network = Network::new(plan.seed);
        network.set_buffers(plan.buffers);
        let packets = matches!(service, Service::Packets(_));
        let mut reactor =
            Reactor::simulated(&plan.config, service, state, &network).map_err(|error| Failure {
                seed: plan.seed,
                clients: plan.clients,
                turn: 0,
                at: Duration::ZERO,
                client: None,
                violation: Violation::new(
                    Invariant::Application,
                    format!("no reactor can be made of the plan: {error}"),
                ),
            })?;
        let watch = Watch::default();
        reactor.observe(Box::new(watch.clone()));
        network.set_faults(plan.faults);
        if let Some(limit) = plan.descriptor_limit {
            network.set_descriptor_limit(limit);
        }
        let mut run = Run {
            plan,
            network,
            reactor,
            random: Random::new(!plan.seed),
            flags: Rc::default(),
            packets,
            places: vec![],
            numbers: vec![],
            agenda: BinaryHeap::new(),
            last_item: 0,
            news: vec![],
            weather: Weather::default(),
            jumps: 0,
            misled: 0,
            watch,
            auditor: Auditor::new(&plan.config),
            seated: vec![],
            looked: 0,
            touched: vec![],
            now: Duration::ZERO,
            busy: 0,
            report: Report::default(),
            culprit: None,
        };
        for number in 0..plan.clients {
            let mut random = Random::new(plan.seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ u64::from(number));
            let script = Some(script(number, &mut random));
            let at = plan.arrival.mul_f64(random.below(1 << 20) as f64 / f64::from(1 << 20));
            run.places.push(Place { seat: None, script, random, life: 0, acts: 0 });
            run.plan_item(at, number, Item::Connect);
        }
        run.busy = run.places.len();
        Ok(run)
    }

    /// Runs until the server has drained.
    pub(super) fn until_drained(&mut self) -> Result<(), Failure> {
        loop {
            match self.step() {
                Ok(Turn::Running) => {}
                Ok(Turn::Drained) => return Ok(()),
                Err(violation) => return Err(self.failure(violation)),
            }
        }
    }

    pub(super) fn failure(&mut self, violation: Violation) -> Failure {
        Failure {
            seed: self.plan.seed,
            clients: self.plan.clients,
            turn: self.report.turns,
            at: self.now,
            client: self.culprit.take(),
            violation,
        }
    }

    fn step(&mut self) -> Result<Turn, Violation> {
        self.now = self.network.now();
        if self.now > self.plan.limit {
            return Err(self.endless());
        }
        self.take_news()?;
        self.work_off_agenda()?;
        self.take_news()?;
        self.drain_if_due();
        let game = self.reactor.state_mut().between_turns(self.now, &mut self.random);
        let agenda = self.agenda.peek().map(|Reverse((at, ..))| at.saturating_sub(self.now));
        let close_look = self.auditor.suspects().next().map(|_| CLOSE_LOOK);
        let drain =
            self.plan.drain_at.filter(|_| self.weather.drain.is_none()).map(|at| at.saturating_sub(self.now));
        let timeout = [game, agenda, close_look, drain].into_iter().flatten().min();
        let timeout = timeout.or(self.weather.drain.map(|_| Duration::from_secs(1)));
        self.auditor.begin(&self.reactor, self.now);
        self.look_around()?;
        let turn = self.turn(timeout.unwrap_or(LONG_SLEEP))?;
        self.report.turns += 1;
        let activity = self.network.take_activity();
        self.report.trace = mix(self.report.trace, self.now.as_micros() as u64);
        self.auditor.end(&self.reactor, &activity, &self.network.ledger(), &self.watch)?;
        Ok(turn)
    }

    pub(super) fn turn(&mut self, timeout: Duration) -> Result<Turn, Violation> {
        let turned = self.reactor.turn(Some(timeout));
        self.now = self.network.now();
        self.observe_weather();
        turned.map_err(|error| Violation::new(Invariant::Progress, format!("the poll failed: {error}")))
    }

    /// Notes what a turn has brought that excuses ends which no script means.
    fn observe_weather(&mut self) {
        let injected = self.network.injected();
        let jumps = injected.of(Fault::TimeJump);
        if jumps > self.jumps {
            (self.jumps, self.weather.jumped_at) = (jumps, Some(self.now));
        }
        let misled = injected.of(Fault::AcceptWouldBlock);
        if misled > std::mem::replace(&mut self.misled, misled)
            && let Some(drain) = &mut self.weather.drain
        {
            drain.is_misled = true;
        }
        self.weather.exhausted = self.plan.descriptor_limit.is_some()
            || injected.of(Fault::ProcessDescriptors) + injected.of(Fault::SystemDescriptors) > 0;
    }

    fn endless(&mut self) -> Violation {
        let is_there = |place: &&Place| place.seat.is_some() || place.script.is_some();
        let first = self.places.iter().filter(is_there).find_map(|place| place.seat.as_ref());
        self.culprit = first.map(|seat| seat.player.number());
        let seen = match first {
            Some(Seat { player, next, .. }) => {
                let (pending, ends) = (player.pending(), &player.ends);
                format!(
                    "a client does not end: {pending} replies are pending, then {next:?}; it should: {ends:?}"
                )
            }
            None => "a client never got through".to_owned(),
        };
        Violation::new(Invariant::Progress, seen)
    }

    fn drain_if_due(&mut self) {
        let is_time = self.plan.drain_at.is_some_and(|at| self.now >= at) || self.busy == 0;
        if is_time && self.weather.drain.is_none() {
            self.weather.drain = Some(Drain {
                began_at: self.now,
                accepts_until: self.now + ACCEPT,
                gives_up_at: self.now + self.plan.config.drain_timeout,
                is_misled: false,
            });
            self.reactor.handle().drain();
        }
    }

    /// Looks at the connections that something has happened to or that may be stuck, and at some of the others: at all of
    /// them, one turn after the other.
    fn look_around(&mut self) -> Result<(), Violation> {
        let mut touched = std::mem::take(&mut self.touched);
        let suspects = self.auditor.suspects().filter_map(|index| self.numbers.get(index as usize));
        touched.extend(suspects.map(|(number, _)| number));
        for number in touched.drain(..) {
            self.look_at(number)?;
        }
        self.touched = touched;
        let mut left = LOOKS.min(self.seated.len());
        while left > 0 && !self.seated.is_empty() {
            self.looked = (self.looked + 1) % self.seated.len();
            let Some(&(number, life)) = self.seated.get(self.looked) else { break };
            if self.places.get(number as usize).is_some_and(|place| place.life == life) {
                self.look_at(number)?;
                left -= 1;
            } else {
                self.seated.swap_remove(self.looked);
            }
        }
        Ok(())
    }

    fn look_at(&mut self, number: u32) -> Result<(), Violation> {
        match self.places.get(number as usize).and_then(|place| place.seat.as_ref()) {
            Some(seat) => self.auditor.look(&self.reactor, &seat.line, self.now),
            None => Ok(()),
        }
    }
}
