//! A reactor on its own thread, beside a game that pushes to clients from the main thread.
//!
//! Clients say hello (command 2001), and get the game's time once a second (command 2010).
//!
//! ```text
//! cargo run --example own_thread
//! ```

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use sysconn::{
    Access, Application, Cause, Config, Context, Effects, Handle, HandleError, Outcome, Push, Reactor,
};
use sysconn::{Module, Record, Request, Route, Router};

/// The clients to which the game's thread pushes.
type Players = Arc<Mutex<Vec<Handle>>>;

/// The state of the handlers. It stays on the reactor's thread.
struct Lobby {
    players: Players,
    greetings: u32,
}

impl Application for Lobby {
    type Session = ();

    fn closed(&mut self, record: &Record, _: (), cause: Cause, _: &mut Effects) {
        println!("{} is gone: {cause}", record.peer());
    }
}

/// Greets the client, and adds it to the game's list.
fn hello(lobby: &mut Lobby, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    lobby.greetings += 1;
    lobby.players.lock().unwrap_or_else(PoisonError::into_inner).push(context.handle());
    let name = String::from_utf8_lossy(request.data());
    context.reply(format!("hello {name}, you are number {}", lobby.greetings).as_bytes())
}

static LOBBY: Module<Lobby> = Module::new(20, "lobby", [Route::new(2001, "hello", Access::Anyone, hello)]);
static ROUTES: Router<Lobby> = Router::new([&LOBBY]);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let players = Players::default();
    let lobby = Lobby { players: players.clone(), greetings: 0 };
    let mut reactor = Reactor::bind(&Config::default(), &ROUTES, lobby)?;
    println!("listening on {}", reactor.local_addr().ok_or("no TCP listener")?);
    let network = thread::spawn(move || reactor.run());

    // The game. It forgets a handle as soon as the client has disconnected.
    let mut second = 0_u32;
    while !network.is_finished() {
        thread::sleep(Duration::from_secs(1));
        second += 1;
        let tick = Push::new(2010, &second.to_be_bytes());
        let mut players = players.lock().unwrap_or_else(PoisonError::into_inner);
        players.retain(|player| player.send(&tick) != Err(HandleError::Gone));
    }
    network.join().map_err(|_| "the reactor panicked")??;
    Ok(())
}
