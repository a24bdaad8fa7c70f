//! A reactor within a game's own loop, which advances a world 20 times a second.
//!
//! Clients send moves (command 2101, two 32-bit coordinates) and get their position back. The loop waits for
//! the network only until its next step. A loop that waits on descriptors of its own can wait on the
//! reactor's as well (`Reactor::as_raw_fd`), until `Reactor::next_deadline`, and then call `turn`.
//!
//! ```text
//! cargo run --example own_loop
//! ```

use std::time::{Duration, Instant};

use sysconn::{Access, Application, Config, Context, Module, Outcome, Reactor, Request, Route, Router, Turn};

const STEP: Duration = Duration::from_millis(50);

/// The world. Handlers change it between two steps, so it needs no lock.
#[derive(Default)]
struct World {
    steps: u64,
    moves: u64,
}

impl Application for World {
    type Session = ();
}

fn walk(world: &mut World, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Ok(position) = <[u8; 8]>::try_from(request.data()) else { return Outcome::Undecodable };
    world.moves += 1;
    context.reply(&position)
}

static WALK: Module<World> = Module::new(21, "walk", [Route::new(2101, "walk", Access::Anyone, walk)]);
static ROUTES: Router<World> = Router::new([&WALK]);

#[expect(clippy::disallowed_methods, reason = "the loop keeps its own time")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut reactor = Reactor::bind(&Config::default(), &ROUTES, World::default())?;
    println!("listening on {}", reactor.local_addr().ok_or("no TCP listener")?);
    let mut next_step = Instant::now() + STEP;
    loop {
        let idle = next_step.saturating_duration_since(Instant::now());
        if reactor.turn(Some(idle))? == Turn::Drained {
            return Ok(());
        }
        if Instant::now() >= next_step {
            next_step += STEP;
            let clients = reactor.connections();
            reactor.act(|world, _| {
                world.steps += 1;
                if world.steps.is_multiple_of(200) {
                    println!("step {}: {clients} clients, {} moves", world.steps, world.moves);
                }
            });
        }
    }
}
