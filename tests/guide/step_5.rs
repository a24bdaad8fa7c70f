//! Step 5 of docs/embedding.md. Written by main.rs.

use std::error::Error;
use sysconn::packet::ErrorId;
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
    type Session = Player;

    fn upgrade(&mut self, request: &upgrade::Request<'_>, _: Peer) -> Result<Player, upgrade::Refusal> {
        match request.path() {
            "/left" => Ok(Player { team: LEFT }),
            "/right" => Ok(Player { team: RIGHT }),
            _ => Err(upgrade::Refusal::Application(404)),
        }
    }
}

static ROUTES: Router<Game> = Router::new([&TUG]);

fn config() -> Config {
    Config::default()
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
    Ok(game.rope.to_be_bytes())
}

const LEFT: u64 = 1;

const RIGHT: u64 = 2;

/// What belongs to one connection.
#[derive(Default)]
struct Player {
    team: u64,
}
