//! A reactor within a game's own loop: epoll by hand, a world that advances 20 times a second, and a drain by
//! SIGTERM or SIGINT.
//!
//! Clients send moves (command 2101, two 32-bit coordinates) and get their position back; in each step all
//! clients get the number of moves so far (command 2110, 64 bits), if it has changed.
//!
//! ```text
//! cargo run --example own_loop
//! LISTEN=0.0.0.0:9001 cargo run --example own_loop
//! ```

use std::collections::HashSet;
use std::error::Error;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use signal_hook::consts::{SIGINT, SIGTERM};
use sysconn::config::Listen;
use sysconn::{
    Access, Application, Cause, Config, ConnectionId, Context, Effects, Module, Outcome, Push, Reactor,
    Record, Request, Route, Router, Turn,
};

const STEP: Duration = Duration::from_millis(50);
/// What epoll reports: something of the reactor's, or a signal.
const NETWORK: u64 = 0;
const SIGNAL: u64 = 1;

/// The world. Handlers change it between two steps, so it needs no lock.
#[derive(Default)]
struct World {
    players: HashSet<ConnectionId>,
    moves: u64,
    moves_told: u64,
}

impl World {
    fn step(&mut self, effects: &mut Effects) {
        if self.moves_told < self.moves {
            self.moves_told = self.moves;
            let told = Push::new(2110, &self.moves.to_be_bytes());
            effects.broadcast(self.players.iter().copied(), &told);
        }
    }
}

impl Application for World {
    type Session = ();

    fn opened(&mut self, context: &mut Context<'_>) {
        self.players.insert(context.id());
    }

    fn closed(&mut self, record: &Record, (): (), _: Cause, _: &mut Effects) {
        self.players.remove(&record.id());
    }

    fn draining(&mut self, effects: &mut Effects) {
        // Here a game saves. What it sends now reaches players before they are closed.
        effects.broadcast(self.players.iter().copied(), &Push::new(2111, b"the server restarts"));
    }
}

fn walk(world: &mut World, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Ok(position) = <[u8; 8]>::try_from(request.data()) else { return Outcome::Undecodable };
    world.moves += 1;
    context.reply(&position)
}

static WALK: Module<World> = Module::new(21, "walk", [Route::new(2101, "walk", Access::Anyone, walk)]);
static ROUTES: Router<World> = Router::new([&WALK]);

#[expect(clippy::disallowed_methods, reason = "the loop keeps its own time")]
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut config = Config::default();
    if let Ok(address) = std::env::var("LISTEN") {
        config.listen = vec![Listen::Tcp(address.parse()?)];
    }
    let mut reactor = Reactor::bind(&config, &ROUTES, World::default())?;
    println!("listening on {}", reactor.local_addr().ok_or("no TCP listener")?);

    // Each signal writes a byte to a pair of sockets, whose other end the loop reads.
    let (mut signals, signalled) = UnixStream::pair()?;
    for signal in [SIGTERM, SIGINT] {
        signal_hook::low_level::pipe::register(signal, signalled.try_clone()?)?;
    }
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &reactor, epoll::EventData::new_u64(NETWORK), epoll::EventFlags::IN)?;
    epoll::add(&epoll, &signals, epoll::EventData::new_u64(SIGNAL), epoll::EventFlags::IN)?;

    let mut events = Vec::with_capacity(2);
    let mut next_step = Instant::now() + STEP;
    loop {
        let until = reactor.next_deadline().map_or(next_step, |deadline| deadline.min(next_step));
        let wait = Timespec::try_from(until.saturating_duration_since(Instant::now()))?;
        match epoll::wait(&epoll, spare_capacity(&mut events), Some(&wait)) {
            // A signal can end the wait: its byte is there by the next one.
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if events.drain(..).any(|event| event.data.u64() == SIGNAL) {
            signals.read_exact(&mut [0])?;
            reactor.handle().drain();
        }
        // It has waited already. What there was to do is done, or next_deadline is not in the future.
        if reactor.turn(Some(Duration::ZERO))? == Turn::Drained {
            return Ok(());
        }
        if Instant::now() >= next_step {
            next_step += STEP;
            reactor.act(World::step);
        }
    }
}
