//! A simulated network: a handle to its state, for tests and for the reactor.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mio::Token;

use super::buffers::Buffers;
use super::connection::Readiness;
use super::fault::{Fault, Faults, Injected};
use super::ledger::{Activity, Ledger};
use super::poll_state::PollState;
use super::random::Random;
use super::schedule::Source;
use super::world::World;

/// The simulated system time when a network begins, in milliseconds since 1970.
const BEGAN_UNIX_MS: u64 = 1_700_000_000_000;
/// The longest delay of a late wake-up, in microseconds.
const LATE_WAKE_US: u64 = 20_000;
/// The longest time that a slow step of a turn takes, in microseconds: longer than a turn's budget.
const SLOW_STEP_US: u64 = 6_000;

/// A simulated network with its own time and its own faults. Cheap to clone: all clones are the same network.
///
/// # Example
///
/// A game of one command, and a client on a network that loses nothing but delays and splits everything.
///
/// ```
/// use std::time::Duration;
/// use sysconn::frame::{Opcode, push_masked_frame};
/// use sysconn::packet::{self, push_request};
/// use sysconn::sim::{Faults, Network};
/// use sysconn::{Access, Application, Config, Module, Peer, Reactor, Route, Router};
///
/// struct Game;
/// impl Application for Game {
///     type Session = ();
/// }
/// static ECHO: Module<Game> = Module::new(
///     21,
///     "echo",
///     [Route::new(2101, "echo", Access::Anyone, |_, request, context| context.reply(request.data()))],
/// );
/// static ROUTES: Router<Game> = Router::new([&ECHO]);
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let network = Network::new(7);
/// let mut reactor = Reactor::simulated(&Config::default(), &ROUTES, Game, &network)?;
/// network.set_faults(Faults::harmless(0.2));
///
/// let mut bytes = b"GET / HTTP/1.1\r\nHost: game\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".to_vec();
/// let mut request = vec![];
/// let packet = packet::Request { data_status: 0, flag: 1, cmd: 2101, data: b"anybody there?" };
/// push_request(&mut request, &packet);
/// push_masked_frame(&mut bytes, true, Opcode::Binary, [1, 2, 3, 4], &request);
///
/// let mut client = network.connect(Peer::Ip([192, 0, 2, 1].into(), 50_000))?;
/// client.send(&bytes);
/// let mut received = vec![];
/// while !received.ends_with(b"anybody there?") {
///     reactor.turn(Some(Duration::from_millis(10)))?;
///     client.receive(&mut received);
/// }
/// assert!(received.starts_with(b"HTTP/1.1 101 "));
/// assert_eq!(network.ledger().accepted, 1);
/// println!("after {:?}, with these faults: {}", network.now(), network.injected());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Network(Arc<Mutex<World>>);

impl Network {
    /// A network without faults. All its random choices follow from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Network(Arc::new(Mutex::new(World::new(seed))))
    }

    /// Sets the faults from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.world().faults = faults;
    }

    /// Sets the buffers of connections that are made from now on.
    pub fn set_buffers(&self, buffers: Buffers) {
        self.world().buffers = buffers;
    }

    /// Sets how many descriptors the server may have open at one time: its listeners, its clients, and a
    /// spare one. Default: no limit.
    pub fn set_descriptor_limit(&self, limit: u64) {
        self.world().descriptor_limit = limit;
    }

    /// The time since the network began. It passes only while the reactor polls and by
    /// [`advance`](Self::advance).
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_micros(self.world().now)
    }

    /// Lets time pass in which the server does nothing. It learns of what happens meanwhile by its next poll.
    pub fn advance(&self, time: Duration) {
        let mut world = self.world();
        let until = world.now.saturating_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        world.pass_until(until);
    }

    /// Random numbers that follow from the seed.
    #[must_use]
    pub fn random(&self) -> Random {
        self.world().random.fork()
    }

    /// Appends the [numbers](super::Client::number) of the clients to which something has happened since this
    /// was last called: bytes or the end have come, or there is space for what could not be sent. Each
    /// appears once.
    pub fn news(&self, numbers: &mut Vec<u64>) {
        self.world().take_news(numbers);
    }

    /// How often each fault has happened.
    #[must_use]
    pub fn injected(&self) -> Injected {
        self.world().injected
    }

    /// The server's actions since the network began.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.world().ledger
    }

    /// The server's actions since the last call of this function.
    pub fn take_activity(&self) -> Activity {
        self.world().take_activity()
    }

    /// Whether a poll has something to report, now or later. If not, no reactor learns of anything more
    /// unless a client acts.
    #[must_use]
    pub fn has_events(&self) -> bool {
        let world = self.world();
        world.polls.iter().flatten().any(|state| !state.edges.is_empty()) || world.next_at().is_some()
    }

    /// Whether the poll with this number has something to report now.
    pub(super) fn has_events_now(&self, poll: usize) -> bool {
        self.world().has_events(poll)
    }

    /// Adds the poll of another reactor. Returns its number.
    pub(crate) fn add_poll(&self) -> usize {
        let mut world = self.world();
        let returned_at = world.now;
        world.polls.push(Some(PollState { returned_at, ..PollState::default() }));
        world.polls.len() - 1
    }

    /// When this poll last returned.
    pub(super) fn returned_at(&self, poll: usize) -> Duration {
        let world = self.world();
        let state = world.polls.get(poll).and_then(Option::as_ref);
        Duration::from_micros(state.map_or(world.now, |state| state.returned_at))
    }

    /// The reactor of this poll has been asleep in it since it last returned. Until it returns again, that is
    /// the time for it.
    pub(super) fn was_asleep(&self, poll: usize) {
        let since = self.returned_at(poll);
        self.world().asleep_since = Some(since.as_micros() as u64);
    }

    /// The time as a reactor sees it.
    pub(crate) fn reactor_now(&self) -> Duration {
        let world = self.world();
        Duration::from_micros(world.asleep_since.unwrap_or(world.now))
    }

    /// Removes the poll of a reactor that is gone.
    pub(crate) fn remove_poll(&self, poll: usize) {
        if let Some(state) = self.world().polls.get_mut(poll) {
            *state = None;
        }
    }

    /// A turn of the reactor begins: none of its budget of time is used up.
    pub(crate) fn begin_turn(&self) {
        self.world().turn_passed = 0;
    }

    /// The time that counts against a turn's budget. Steps take no time, unless a fault makes them slow.
    pub(crate) fn turn_now(&self) -> Duration {
        let mut world = self.world();
        if world.strikes_in_turn(Fault::SlowStep) {
            world.turn_passed += world.turn_random.below(SLOW_STEP_US);
        }
        Duration::from_micros(world.now + world.turn_passed)
    }

    pub(crate) fn unix_ms(&self) -> u64 {
        BEGAN_UNIX_MS + self.world().now / 1000
    }

    pub(crate) fn poll(
        &self,
        poll: usize,
        events: &mut Vec<Readiness>,
        capacity: usize,
        timeout: Option<Duration>,
    ) -> std::io::Result<()> {
        self.world().poll(poll, events, capacity, timeout)
    }

    /// The server looks at an event of the last poll. Until then it does not know of it, even if it serves
    /// the connection for another reason.
    pub(crate) fn note_told(&self, event: Readiness) {
        if let Some(number) = event.number
            && let Some(connection) = self.world().connection_mut(number)
        {
            connection.note_told(event);
        }
    }

    pub(crate) fn wake(&self, poll: usize, token: Token) {
        let mut world = self.world();
        let Some(state) = world.poll_mut(poll) else { return };
        state.waker = Some(token);
        if world.strikes(Fault::LateWake) {
            world.raise_later(Source::Waker(poll), LATE_WAKE_US);
        } else {
            world.raise(Source::Waker(poll));
        }
    }

    /// Opens a spare descriptor. `None` if the limit is reached.
    pub(crate) fn spare(&self) -> Option<SimulatedSpare> {
        let mut world = self.world();
        world.has_descriptor().then(|| world.ledger.opened += 1)?;
        Some(SimulatedSpare(self.clone()))
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        // Under the lock only bytes and numbers are moved, so the state behind a poisoned lock is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("now", &self.now()).finish_non_exhaustive()
    }
}

/// The server's spare descriptor. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct SimulatedSpare(Network);

impl Drop for SimulatedSpare {
    fn drop(&mut self) {
        self.0.world().ledger.closed += 1;
    }
}
