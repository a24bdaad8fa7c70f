//! A simulated network, held from outside.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mio::Token;

use super::fault::{Fault, Faults, Injected};
use super::ledger::{Activity, Ledger};
use super::link::Readiness;
use super::random::Random;
use super::world::{Source, World};

/// What a simulated system clock shows when a network begins, in milliseconds since 1970.
const BEGAN_UNIX_MS: u64 = 1_700_000_000_000;
/// The longest that a wake-up is late, in microseconds.
const LATE_WAKE_US: u64 = 20_000;
/// The longest that a slow step of a turn takes, in microseconds: longer than a turn may.
const SLOW_STEP_US: u64 = 6_000;

/// Bytes that the system keeps of a connection, in each of four places, at least 1 each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffers {
    /// Sent by the client and on their way: more than that it cannot send.
    pub client_send: usize,
    /// Arrived, and not read by the server.
    pub server_receive: usize,
    /// Written by the server and on their way: more than that is a short write.
    pub server_send: usize,
    /// With the client, and not received.
    pub client_receive: usize,
}

/// 64 KiB everywhere.
impl Default for Buffers {
    fn default() -> Self {
        let bytes = 64 * 1024;
        Buffers { client_send: bytes, server_receive: bytes, server_send: bytes, client_receive: bytes }
    }
}

/// A network of its own, with its time, and whatever goes wrong in it. Cheap to clone: each is the same one.
///
/// # Example
///
/// A game of one command, and a client whose line loses nothing, but brings nothing at once.
///
/// ```
/// use std::time::Duration;
/// use sysconn::frame::{Opcode, push_masked_frame};
/// use sysconn::packet::{self, push_request};
/// use sysconn::sim::{Faults, Network};
/// use sysconn::{Access, Application, Config, Module, Peer, Reactor, Route, Router};
///
/// struct Game;
/// impl Application for Game {}
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
    /// A network in which nothing goes wrong. All that is left to chance in it follows from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Network(Arc::new(Mutex::new(World::new(seed))))
    }

    /// What goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.world().faults = faults;
    }

    /// The buffers of connections that are made from now on.
    pub fn set_buffers(&self, buffers: Buffers) {
        self.world().buffers = buffers;
    }

    /// Descriptors that the server may have open at one time: its listeners, its clients, and a spare one.
    /// At first there is no limit.
    pub fn set_descriptor_limit(&self, limit: u64) {
        self.world().descriptor_limit = limit;
    }

    /// The time since the network began. It passes while the reactor polls, and otherwise by
    /// [`advance`](Self::advance) only.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_micros(self.world().now)
    }

    /// Lets time pass in which the server does nothing: what happens in it waits for its next poll.
    pub fn advance(&self, time: Duration) {
        let mut world = self.world();
        let until = world.now.saturating_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        world.pass_until(until);
    }

    /// A sequence of random numbers that follows from the seed.
    #[must_use]
    pub fn random(&self) -> Random {
        self.world().random.fork()
    }

    /// Appends the [numbers](super::Client::number) of the clients to whom something has happened since this
    /// was last asked: bytes have come, the end, or room for what could not be sent. Each is named once.
    pub fn news(&self, numbers: &mut Vec<u64>) {
        self.world().take_news(numbers);
    }

    /// How often each fault has happened.
    #[must_use]
    pub fn injected(&self) -> Injected {
        self.world().injected
    }

    /// What the server has done, in all.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.world().ledger
    }

    /// What the server has done since this was last asked.
    pub fn take_activity(&self) -> Activity {
        self.world().take_activity()
    }

    /// What has happened and the poll has not told yet. If that is false and no time is left to pass, the
    /// reactor learns of nothing more.
    #[must_use]
    pub fn has_events(&self) -> bool {
        let world = self.world();
        !world.edges.is_empty() || world.next_later().is_some()
    }

    /// A turn of the reactor begins: its budget of time is whole.
    pub(crate) fn begin_turn(&self) {
        self.world().turn_passed = 0;
    }

    /// The time as a turn's budget sees it. Steps take no time, but for those that a fault makes slow.
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
        events: &mut Vec<Readiness>,
        capacity: usize,
        timeout: Option<Duration>,
    ) -> std::io::Result<()> {
        self.world().poll(events, capacity, timeout)
    }

    /// The server looks at an event of the last poll. Until then it knows nothing of it, whatever it does to the
    /// connection for the sake of others.
    pub(crate) fn note_told(&self, event: Readiness) {
        if let Some(number) = event.number
            && let Some(link) = self.world().link(number)
        {
            link.note_told(event);
        }
    }

    pub(crate) fn wake(&self, token: Token) {
        let mut world = self.world();
        world.waker = Some(token);
        if world.strikes(Fault::LateWake) {
            world.raise_later(Source::Waker, LATE_WAKE_US);
        } else {
            world.raise(Source::Waker);
        }
    }

    /// A descriptor to be held as a spare one, unless none is free.
    pub(crate) fn spare(&self) -> Option<SimulatedSpare> {
        let mut world = self.world();
        world.has_descriptor().then(|| world.ledger.opened += 1)?;
        Some(SimulatedSpare(self.clone()))
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        // Nothing is done under the lock but moving bytes and numbers, so a poisoned lock is whole.
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
