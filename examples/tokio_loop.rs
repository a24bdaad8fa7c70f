//! A reactor as a task of tokio: beside whatever else the runtime has to do, on one thread, with a drain by
//! SIGTERM or SIGINT.
//!
//! Clients send moves (command 2101, two 32-bit coordinates) and get their position back. A move to the
//! origin takes time that the reactor must not wait for: another task answers it.
//!
//! ```text
//! cargo run --example tokio_loop
//! LISTEN=0.0.0.0:9001 cargo run --example tokio_loop
//! ```

use std::error::Error;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use sysconn::config::Listen;
use sysconn::{Access, Application, Config, Context, Module, Outcome, Reactor, Request, Route, Router, Turn};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, timeout_at};

/// The time that it takes to get to the origin.
const WAY_HOME: Duration = Duration::from_millis(5);

struct World {
    moves: u64,
}

impl Application for World {
    type Session = ();
}

fn walk(world: &mut World, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Ok(position) = <[u8; 8]>::try_from(request.data()) else { return Outcome::Undecodable };
    world.moves += 1;
    if position != [0; 8] {
        return context.reply(&position);
    }
    // Handlers run within the runtime, so they can start tasks.
    let ticket = context.defer(request);
    tokio::spawn(async move {
        sleep(WAY_HOME).await;
        ticket.reply(position);
    });
    Outcome::Done
}

static WALK: Module<World> = Module::new(21, "walk", [Route::new(2101, "walk", Access::Anyone, walk)]);
static ROUTES: Router<World> = Router::new([&WALK]);

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut config = Config::default();
    if let Ok(address) = std::env::var("LISTEN") {
        config.listen = vec![Listen::Tcp(address.parse()?)];
    }
    let reactor = Reactor::bind(&config, &ROUTES, World { moves: 0 })?;
    println!("listening on {}", reactor.local_addr().ok_or("no TCP listener")?);
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(reactor))?)
}

/// Drains the server when a signal of this kind comes.
fn drain_at(kind: SignalKind, reactor: &Reactor<World>) -> io::Result<()> {
    let (mut signals, server) = (signal(kind)?, reactor.handle());
    tokio::spawn(async move {
        while signals.recv().await.is_some() {
            server.drain();
        }
    });
    Ok(())
}

/// Turns the reactor until it has drained.
async fn serve(mut reactor: Reactor<World>) -> io::Result<()> {
    drain_at(SignalKind::terminate(), &reactor)?;
    drain_at(SignalKind::interrupt(), &reactor)?;
    // A second descriptor of the same poll, so that the reactor itself stays free to be turned.
    let descriptor = reactor.as_fd().try_clone_to_owned()?;
    #[expect(
        deprecated,
        reason = "its successor is unsafe, for types whose descriptor may change; this one's stays"
    )]
    let descriptor = AsyncFd::with_interest(descriptor, Interest::READABLE)?;
    loop {
        let deadline = reactor.next_deadline().map_or_else(Instant::now, Instant::from);
        if let Ok(readable) = timeout_at(deadline, descriptor.readable()).await {
            // Before the turn: what comes during it makes the descriptor readable again.
            readable?.clear_ready();
        }
        if reactor.turn(Some(Duration::ZERO))? == Turn::Drained {
            return Ok(());
        }
        // Lets other tasks run even while the reactor always has work.
        tokio::task::yield_now().await;
    }
}
