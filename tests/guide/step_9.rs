//! Step 9 of docs/embedding.md. Written by main.rs.

use std::error::Error;
use std::io;
use std::time::Duration;
use std::{fs, thread};
use sysconn::packet::ErrorId;
use sysconn::*;

fn main() -> Result<(), Box<dyn Error>> {
    // What is logged at `info` and above goes to the terminal; RUST_LOG=debug shows more.
    let filter = env_logger::Env::default().default_filter_or("info");
    env_logger::Builder::from_env(filter).init();
    let mut reactor = Reactor::bind(&config(), &ROUTES, Game::default())?;
    println!("listening on {}; Enter ends it", reactor.local_addr().ok_or("no TCP listener")?);
    let server = reactor.handle();
    thread::spawn(move || {
        if let Err(error) = io::stdin().read_line(&mut String::new()) {
            log::error!("the terminal cannot be read: {error}");
        }
        server.drain();
    });
    reactor.run()?;
    fs::write("rope.saved", reactor.state().rope.to_be_bytes())?;
    Ok(())
}

/// The world. Handlers get it mutably, one call at a time: nothing has to be locked.
#[derive(Default)]
struct Game {
    /// How far the rope has moved to the right.
    rope: i64,
    /// Where the players saw it last.
    seen: i64,
}

impl Application for Game {
    type Session = Player;

    fn upgrade(&mut self, request: &upgrade::Request<'_>, _: Peer) -> Result<Player, upgrade::Refusal> {
        match request.path() {
            "/left" => Ok(Player { team: LEFT }),
            "/right" => Ok(Player { team: RIGHT }),
            _ => Err(upgrade::Refusal::Application(404)),
        }
    }

    fn tick(&mut self, _: Tick, effects: &mut Effects) {
        let push = Push::new(2010, &self.rope.to_be_bytes());
        // A publish fails while too many have not reached everybody. The next tick tries again.
        if self.seen != self.rope && effects.publish(&ROPE, &push).is_ok() {
            self.seen = self.rope;
        }
    }

    fn draining(&mut self, effects: &mut Effects) {
        if let Err(error) = effects.publish(&ROPE, &Push::new(2012, b"the server restarts")) {
            log::warn!("nobody knows that the server restarts: {error}");
        }
    }
}

static ROUTES: Router<Game> = Router::new([&TUG]);

fn config() -> Config {
    let mut config = Config::default();
    config.tick = Some(Duration::from_millis(50));
    config
}

/// 2002: no Data → how far the rope has moved to the right, 8 bytes.
fn pull(game: &mut Game, _: Request<'_>, context: &mut Context<'_, Player>) -> Result<[u8; 8], ErrorId> {
    game.rope += if context.session().team == LEFT { -1 } else { 1 };
    Ok(game.rope.to_be_bytes())
}

static TUG: Module<Game> = Module::new(
    20,
    "tug",
    [
        Route::new(2001, "enter", Access::Anyone, handler!(enter)),
        Route::new(2002, "pull", Access::Role, handler!(pull)),
        Route::new(2003, "cheer", Access::Role, handler!(cheer)),
        Route::new(2004, "record", Access::Role, record).deadline(Duration::from_secs(2)),
    ],
);

/// 2001: a role, 8 bytes → how far the rope has moved to the right, 8 bytes.
///
/// It believes everybody. A game checks a password, or a token that its login service has signed.
fn enter(
    game: &mut Game,
    request: Request<'_>,
    context: &mut Context<'_, Player>,
) -> Result<[u8; 8], ErrorId> {
    let role_id = request.data().try_into().map(u64::from_be_bytes).map_err(|_| ErrorId::LOGIN_REFUSED)?;
    let identity = Identity { account: format!("player {role_id}"), role_id, ..Identity::default() };
    let login = Login { identity, kind: ClientKind::Player, ..Login::default() };
    context.login(login).map_err(|_| ErrorId::LOGIN_REFUSED)?;
    for topic in [ROPE, Topic::Id(context.session().team)] {
        context.subscribe(&topic).map_err(|_| ErrorId::NOT_AVAILABLE)?;
    }
    Ok(game.rope.to_be_bytes())
}

const LEFT: u64 = 1;

const RIGHT: u64 = 2;

/// What belongs to one connection.
#[derive(Default)]
struct Player {
    team: u64,
}

/// The topic of the rope. The number of a team is the topic of that team.
const ROPE: Topic = Topic::Id(0);

/// 2003: any Data → an empty reply, and push 2011 with this Data to the rest of the team.
fn cheer(_: &mut Game, request: Request<'_>, context: &mut Context<'_, Player>) -> Result<[u8; 0], ErrorId> {
    let (me, team) = (context.id(), Topic::Id(context.session().team));
    let push = Push::new(2011, request.data());
    context.effects().publish_except(me, &team, &push).map_err(|_| ErrorId::NOT_AVAILABLE)?;
    Ok([])
}

/// 2004: no Data → where the rope was when the server last ended, 8 bytes.
fn record(_: &mut Game, request: Request<'_>, context: &mut Context<'_, Player>) -> Outcome {
    let ticket = context.defer(request);
    thread::spawn(move || match fs::read("rope.saved") {
        Ok(saved) => ticket.reply(saved),
        Err(_) => ticket.refuse(ErrorId::NOT_AVAILABLE),
    });
    Outcome::Done
}
