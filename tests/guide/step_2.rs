//! Step 2 of docs/embedding.md. Written by main.rs.

use std::error::Error;
use sysconn::*;

fn main() -> Result<(), Box<dyn Error>> {
    // What is logged at `info` and above goes to the terminal; RUST_LOG=debug shows more.
    let filter = env_logger::Env::default().default_filter_or("info");
    env_logger::Builder::from_env(filter).init();
    let mut reactor = Reactor::bind(&config(), &ROUTES, Game::default())?;
    println!("listening on {}", reactor.local_addr().ok_or("no TCP listener")?);
    Ok(reactor.run()?)
}

/// The world. Handlers get it mutably, one call at a time: nothing has to be locked.
#[derive(Default)]
struct Game {
    /// How far the rope has moved to the right.
    rope: i64,
}

impl Application for Game {
    type Session = ();
}

static ROUTES: Router<Game> = Router::new([]);

fn config() -> Config {
    Config::default()
}
