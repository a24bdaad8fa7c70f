//! A simulation in progress: clients act, the reactor turns, and after each turn the invariants are checked.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::agenda::{Action, Agenda, ClientKey};
use super::auditor::Auditor;
use super::fault::Fault;
use super::flags::Flags;
use super::incidents::{Drain, Incidents};
use super::invariant::{Invariant, Violation};
use super::network::Network;
use super::random::Random;
use super::report::{Failure, Report, mix};
use super::script::Script;
use super::server::Server;
use super::session::Session;
use super::simulation::{Simulated, Simulation};
use super::watch::Watch;
use crate::config::MAX_TIMER;
use crate::reactor::Turn;
use crate::router::Service;
use crate::workers::Worker;

/// Connections that are audited before each turn, besides those to which something has happened.
const AUDITS: usize = 6;
/// The longest time between turns while a connection may be stuck.
pub(super) const SUSPECT_INTERVAL: Duration = Duration::from_millis(10);
/// The longest time between turns without work.
const LONG_SLEEP: Duration = Duration::from_secs(600);
/// How long a server that drains accepts clients that wait, to tell them.
const ACCEPT: Duration = Duration::from_secs(1);

/// A client of a simulation, connected or not.
pub(super) struct SimulatedClient {
    pub(super) session: Option<Session>,
    /// The script, while the client is not connected and is going to connect.
    pub(super) script: Option<Box<dyn Script>>,
    pub(super) random: Random,
    /// See [`ClientKey`].
    pub(super) generation: u32,
    /// Acts since time last passed for it.
    pub(super) acts: u32,
}

/// A simulation in progress.
pub(super) struct Run<S: Simulated> {
    pub(super) plan: Simulation,
    pub(super) network: Network,
    pub(super) server: Server<S>,
    pub(super) random: Random,
    pub(super) flags: Rc<RefCell<Flags>>,
    /// Whether the service speaks packets.
    pub(super) packets: bool,
    pub(super) clients: Vec<SimulatedClient>,
    /// Whose each connection is, by the network's number for it.
    pub(super) owners: Vec<ClientKey>,
    pub(super) agenda: Agenda,
    /// Empty between uses, to keep its memory.
    pub(super) news: Vec<u64>,
    pub(super) incidents: Incidents,
    /// Jumps of time so far.
    jumps: u64,
    /// Accepts so far that wrongly reported no waiting client.
    misled: u64,
    pub(super) watch: Watch,
    pub(super) auditor: Auditor,
    /// Connections that may be open.
    pub(super) connected: Vec<ClientKey>,
    /// The index in `connected` of the last one that was audited in its turn.
    pub(super) audited: usize,
    /// Clients that have acted or received since the last turn.
    pub(super) touched: Vec<u32>,
    pub(super) now: Duration,
    /// No turn sleeps beyond this.
    pub(super) pauses_at: Option<Duration>,
    /// Clients whose scripts are not done; those that [stay](super::Next::Stay) do not count.
    pub(super) unfinished: usize,
    pub(super) report: Report,
    /// The client at which the violation was seen.
    pub(super) failed_client: Option<u32>,
}

impl<S: Simulated> Run<S> {
    pub(super) fn new(
        plan: Simulation,
        service: Service<S>,
        state: impl FnMut(Worker<S>) -> S,
        script: impl FnMut(u32, &mut Random) -> Box<dyn Script>,
    ) -> Result<Self, Failure> {
        let network = Network::new(plan.seed);
        network.set_buffers(plan.buffers);
        let packets = service.has_packets();
        let watch = Watch::default();
        let server = Server::new(&plan, service, state, &network, &watch).map_err(|error| Failure {
            seed: plan.seed,
            clients: plan.clients,
            turn: 0,
            at: Duration::ZERO,
            client: None,
            violation: Violation::new(
                Invariant::Application,
                format!("no server can be made of the plan: {error}"),
            ),
        })?;
        network.set_faults(plan.faults);
        if let Some(limit) = plan.descriptor_limit {
            network.set_descriptor_limit(limit);
        }
        let mut run = Run {
            network,
            server,
            random: Random::new(!plan.seed),
            flags: Rc::default(),
            packets,
            clients: vec![],
            owners: vec![],
            agenda: Agenda::default(),
            news: vec![],
            incidents: Incidents::default(),
            jumps: 0,
            misled: 0,
            watch,
            auditor: Auditor::new(&plan.config),
            plan,
            connected: vec![],
            audited: 0,
            touched: vec![],
            now: Duration::ZERO,
            pauses_at: None,
            unfinished: 0,
            report: Report::default(),
            failed_client: None,
        };
        run.add_clients(script);
        Ok(run)
    }

    /// Gives each client its script, and plans its arrival.
    fn add_clients(&mut self, mut script: impl FnMut(u32, &mut Random) -> Box<dyn Script>) {
        for number in 0..self.plan.clients {
            let seed = self.plan.seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ u64::from(number);
            let mut random = Random::new(seed);
            let script = Some(script(number, &mut random));
            let at = self.plan.arrival.mul_f64(random.below(1 << 20) as f64 / f64::from(1 << 20));
            self.clients.push(SimulatedClient { session: None, script, random, generation: 0, acts: 0 });
            self.agenda.plan(at, ClientKey { number, generation: 0 }, Action::Connect);
        }
        self.unfinished = self.clients.len();
    }

    /// Takes a step: see [`Running::step`](super::Running::step).
    pub(super) fn step_or_fail(&mut self) -> Result<Turn, Failure> {
        self.step().map_err(|violation| self.failure(violation))
    }

    pub(super) fn failure(&mut self, violation: Violation) -> Failure {
        Failure {
            seed: self.plan.seed,
            clients: self.plan.clients,
            turn: self.report.turns,
            at: self.now,
            client: self.failed_client.take(),
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
        let worker = self.server.choose(self.now);
        self.server.between_turns(worker, self.now, &mut self.random);
        let timeout = self.timeout(worker);
        self.auditor.begin(&self.server, worker, self.server.asleep_since(worker, self.now));
        self.audit_clients()?;
        let turn = self.turn(worker, timeout)?;
        self.report.turns += 1;
        let activity = self.network.take_activity();
        self.report.trace = mix(self.report.trace, self.now.as_micros() as u64 + worker as u64);
        self.auditor.end(&self.server, &activity, &self.network.ledger(), &self.watch)?;
        Ok(turn)
    }

    /// How long a worker may sleep in its turn.
    fn timeout(&self, worker: usize) -> Duration {
        let agenda = self.agenda.next_at().map(|at| at.saturating_sub(self.now));
        let suspects = self.auditor.suspects().next().map(|_| SUSPECT_INTERVAL);
        let drain = self.plan.drain_at.filter(|_| self.incidents.drain.is_none());
        let drain = drain.map(|at| at.saturating_sub(self.now));
        let pause = self.pauses_at.map(|at| at.saturating_sub(self.now));
        let workers = self.server.due_in(worker, self.now);
        let timeout = [workers, agenda, suspects, drain, pause].into_iter().flatten().min();
        timeout.or(self.incidents.drain.map(|_| Duration::from_secs(1))).unwrap_or(LONG_SLEEP)
    }

    pub(super) fn turn(&mut self, worker: usize, timeout: Duration) -> Result<Turn, Violation> {
        let turned = self.server.turn(worker, self.now, timeout);
        self.now = self.network.now();
        self.note_incidents();
        turned.map_err(|error| Violation::new(Invariant::Progress, format!("the poll failed: {error}")))
    }

    /// Notes the incidents of a turn.
    fn note_incidents(&mut self) {
        let injected = self.network.injected();
        let jumps = injected.of(Fault::TimeJump);
        if jumps > self.jumps {
            (self.jumps, self.incidents.jumped_at) = (jumps, Some(self.now));
        }
        let misled = injected.of(Fault::AcceptWouldBlock);
        if misled > std::mem::replace(&mut self.misled, misled)
            && let Some(drain) = &mut self.incidents.drain
        {
            drain.is_misled = true;
        }
        self.incidents.exhausted = self.plan.descriptor_limit.is_some()
            || injected.of(Fault::ProcessDescriptors) + injected.of(Fault::SystemDescriptors) > 0;
    }

    fn endless(&mut self) -> Violation {
        let is_left = |client: &&SimulatedClient| client.session.is_some() || client.script.is_some();
        let first = self.clients.iter().filter(is_left).find_map(|client| client.session.as_ref());
        self.failed_client = first.map(|session| session.runner.number());
        let seen = match first {
            Some(Session { runner, next, .. }) => {
                let (pending, ends) = (runner.pending(), &runner.ends);
                format!(
                    "a client does not end: {pending} replies are pending, then {next:?}; expected end: {ends:?}"
                )
            }
            None => "a client could not connect".to_owned(),
        };
        Violation::new(Invariant::Progress, seen)
    }

    fn drain_if_due(&mut self) {
        let is_due = self.plan.drain_at.is_some_and(|at| self.now >= at) || self.unfinished == 0;
        if is_due && self.incidents.drain.is_none() {
            self.incidents.drain = Some(Drain {
                began_at: self.now,
                accepts_until: self.now + ACCEPT,
                gives_up_at: self.now + self.plan.config.drain.timeout.unwrap_or(MAX_TIMER),
                is_misled: false,
            });
            self.server.handle().drain();
        }
    }

    /// Audits the connections to which something has happened or that may be stuck, and a few of the others,
    /// in rotation.
    fn audit_clients(&mut self) -> Result<(), Violation> {
        let mut touched = std::mem::take(&mut self.touched);
        let suspects = self.auditor.suspects().filter_map(|index| self.owners.get(index as usize));
        touched.extend(suspects.map(|owner| owner.number));
        for number in touched.drain(..) {
            self.audit(number)?;
        }
        self.touched = touched;
        let mut left = AUDITS.min(self.connected.len());
        while left > 0 && !self.connected.is_empty() {
            self.audited = (self.audited + 1) % self.connected.len();
            let Some(&key) = self.connected.get(self.audited) else { break };
            if self.client(key).is_some() {
                self.audit(key.number)?;
                left -= 1;
            } else {
                self.connected.swap_remove(self.audited);
            }
        }
        Ok(())
    }

    fn audit(&mut self, number: u32) -> Result<(), Violation> {
        match self.clients.get(number as usize).and_then(|client| client.session.as_ref()) {
            Some(session) => self.auditor.look(&self.server, &session.stream, self.now),
            None => Ok(()),
        }
    }

    /// The client, if the key is not of an earlier connection of it.
    pub(super) fn client(&mut self, key: ClientKey) -> Option<&mut SimulatedClient> {
        let client = self.clients.get_mut(key.number as usize);
        client.filter(|client| client.generation == key.generation)
    }

    /// The connection of a client, if it has one.
    pub(super) fn session(&mut self, number: u32) -> Option<&mut Session> {
        self.clients.get_mut(number as usize)?.session.as_mut()
    }
}
