//! The parts of a reactor, except its poll and its input.

use super::active::Active;
use super::budget::TurnBudget;
use super::connections::Connections;
use super::drain_progress::DrainProgress;
use super::fan_outs::FanOuts;
use super::heirs::Heirs;
use super::lent::Lent;
use super::listeners::Listeners;
use super::mail_queue::MailQueue;
use super::metrics::meter;
use super::output::Output;
use super::refusals::Refusals;
use super::setup::ReactorSetup;
use super::shared::ServerShared;
use super::sys::poller::Registry;
use super::tick_grid::TickGrid;
use super::waits::Waits;
use super::worker_links::WorkerLinks;
use crate::config::{Config, Recording};
use crate::conn::Env;
use crate::id::ConnectionId;
use crate::router::{Application, Service};
use crate::slow_calls::SlowCalls;
use crate::topics::Topics;

/// Everything that the steps of a turn work on.
pub(super) struct Core<S: Application> {
    pub(super) connections: Connections,
    /// The parts that the work of a single connection touches.
    pub(super) lent: Lent<S>,
    /// The parts shared with the other reactors of the server.
    pub(super) shared: ServerShared,
    pub(super) registry: Registry,
    pub(super) listeners: Listeners,
    pub(super) mail: MailQueue,
    pub(super) drain: DrainProgress,
    /// When ticks are due, if the application has any.
    pub(super) ticks: Option<TickGrid>,
    pub(super) links: WorkerLinks,
    pub(super) heirs: Heirs,
    /// Which connections are recorded, and how much of each.
    pub(super) recording: Option<Recording>,
    /// The system clock when the reactor started, in milliseconds since 1970.
    pub(super) began_unix_ms: u64,
}

impl<S: Application> Core<S> {
    pub(super) fn new(config: &Config, service: Service<S>, mut state: S, setup: ReactorSetup) -> Self {
        let ReactorSetup { worker, registry, mailbox, listeners, roles, shared, began_unix_ms } = setup;
        let workers = shared.mailboxes.count();
        let cipher = state.cipher();
        let mut env = Env::new(config, service, state, cipher, mailbox);
        env.tools.roles = roles;
        env.tools.meter = meter(&shared, worker, config.output.overflow);
        if let Some(limit) = config.slow_handler {
            let clock = shared.clock.clone();
            env.tools.slow = SlowCalls::new(limit, Box::new(move || clock.passed()));
        }
        env.tools.effects.topics = Topics::new(worker, shared.topics.clone());
        Core {
            connections: Connections::new(worker),
            lent: Lent {
                env,
                budget: TurnBudget::new(shared.clock.clone(), config.reactor.turn_time),
                output: Output::default(),
                waits: Waits::default(),
                fan_outs: FanOuts::default(),
                refusals: Refusals::default(),
                admission: shared.admission.clone(),
            },
            ticks: config.tick.map(|period| TickGrid::new(period, shared.ticks_began.clone())),
            shared,
            registry,
            listeners,
            mail: MailQueue::default(),
            drain: DrainProgress::new(config, worker, workers),
            links: WorkerLinks::new(worker),
            heirs: Heirs::default(),
            recording: config.recording.clone(),
            began_unix_ms,
        }
    }
}

impl<S: Application> Core<S> {
    /// Looks up a connection to work on. None if it is gone.
    #[inline]
    pub(super) fn activate(&mut self, id: ConnectionId) -> Option<Active<'_, S>> {
        let (entry, schedule) = self.connections.get_with_schedule(id)?;
        Some(Active { entry, schedule, lent: &mut self.lent })
    }
}
