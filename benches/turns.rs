//! The cost of a turn of the reactor beside hostile neighbours, in CPU time of its thread, which other
//! processes do not change.
//!
//! Before each turn the sockets are as full as the system allows, so that the turn is as long as the budgets
//! allow. Another client waits for the current turn and for the one that serves it, so a neighbour adds at
//! most two turns to its time. `cargo bench --bench turns` prints the table; `-- NAME...` selects kinds whose
//! names contain one of the words.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a benchmark has no other clock")]

mod loads;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loads::wire::{BURST, DEFERRED, ECHO, JOIN, LOGIN, SAY, SINK};
use loads::{Certificate, LoadKind, Setting, kinds};
use rustix::time::{ClockId, clock_gettime};
use sysconn::config::{DeflateMode, Listen, Overflow};
use sysconn::{
    Access, Application, Config, ConnectionId, Context, Identity, Login, Module, Outcome, Push, Reactor,
    Request, Route, Router, Ticket, Tls,
};

const TURNS: usize = 1000;
/// No turn begins later than this, even if few were measured.
const MOST: Duration = Duration::from_secs(20);
/// Turns at the beginning, in which clients connect, that are not measured.
const FIRST_TURNS: usize = 100;
/// How often the clients may go on before a turn.
const GOES: usize = 64;
/// Where the role is in Data of a login of [`loads::wire`].
const ROLE_AT: usize = 8;
/// Requests that are kept: more than there are clients whose requests are not answered.
const TICKETS: usize = 100;
const SAID: u16 = 1210;

#[derive(Default)]
struct Game {
    /// Those in the room.
    room: Vec<ConnectionId>,
    /// The last requests that are never answered.
    tickets: VecDeque<Ticket>,
}

impl Application for Game {
    type Session = ();
}

fn login(_: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    // The last field is the role.
    let role = request.data().iter().skip(ROLE_AT).rev();
    let role_id = role.fold(0, |role, byte| role << 7 | u64::from(byte & 0x7f));
    let identity = Identity { role_id, ..Identity::default() };
    context.login(Login { identity, ..Login::default() }).unwrap();
    context.reply(b"")
}

fn defer(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    game.tickets.push_back(context.defer(request));
    game.tickets.drain(..game.tickets.len().saturating_sub(TICKETS));
    Outcome::Done
}

fn join(game: &mut Game, _: Request<'_>, context: &mut Context<'_>) -> Outcome {
    game.room.push(context.id());
    Outcome::Done
}

fn say(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    context.effects().broadcast(game.room.iter().copied(), &Push::new(SAID, request.data()));
    Outcome::Done
}

/// That many replies, as long as they fit.
fn burst(_: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let count = u16::from_be_bytes(request.data().try_into().unwrap());
    let _ = (0..u32::from(count)).try_for_each(|index| context.try_reply(&index.to_be_bytes()));
    Outcome::Done
}

static ACCOUNT: Module<Game> =
    Module::new(10, "account", [Route::new(LOGIN, "login", Access::Anyone, login)]);
static REPLIES: Module<Game> = Module::new(
    11,
    "echo",
    [
        Route::new(ECHO, "echo", Access::Anyone, |_, request, context| context.reply(request.data())),
        Route::new(SINK, "sink", Access::Anyone, |_, _, _| Outcome::Done),
        Route::new(BURST, "burst", Access::Anyone, burst),
        Route::new(DEFERRED, "deferred", Access::Anyone, defer),
    ],
);
static ROOM: Module<Game> = Module::new(
    12,
    "room",
    [Route::new(JOIN, "join", Access::Anyone, join), Route::new(SAY, "say", Access::Anyone, say)],
);
static ROUTER: Router<Game> = Router::new([&ACCOUNT, &REPLIES, &ROOM]);

fn config(setting: Setting, certificate: &Certificate) -> Config {
    let listen = vec![Listen::Tcp(([127, 0, 0, 1], 0).into())];
    let mut config = Config::default();
    config.listen = listen;
    config.limits.max_connections_per_ip = None;
    match setting {
        Setting::Default => {}
        Setting::Drops => config.output.overflow = Overflow::Drop,
        Setting::CompressesReplies => config.output.compress_above = Some(1000),
        Setting::Deflates => config.output.deflate = DeflateMode::Shared,
        Setting::KeepsWindows => config.output.deflate = DeflateMode::Dedicated,
        Setting::Tls => {
            let (chain, key) = (certificate.pem.as_bytes(), certificate.key.as_bytes());
            config.tls = Some(Tls::from_pem(chain, key).unwrap());
        }
        Setting::ShortHandshakes => config.timers.handshake = Some(Duration::from_millis(500)),
    }
    config
}

/// One turn, in milliseconds of CPU time.
fn turn(reactor: &mut Reactor<Game>) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    let began = now();
    reactor.turn(Some(Duration::ZERO)).unwrap();
    now() - began
}

fn measure(kind: &LoadKind, certificate: &Certificate) {
    let mut reactor = Reactor::bind(&config(kind.setting, certificate), &ROUTER, Game::default()).unwrap();
    let mut load = (kind.start)(reactor.local_addr().unwrap());
    let (mut turns, began) = (vec![], Instant::now());
    for number in 0..FIRST_TURNS + TURNS {
        let _ = (0..GOES).try_for_each(|_| if load.go_on() > 0 { Ok(()) } else { Err(()) });
        let took = turn(&mut reactor);
        if number >= FIRST_TURNS {
            turns.push(took);
        }
        if began.elapsed() > MOST && !turns.is_empty() {
            break;
        }
    }
    let (count, done, out) = (turns.len(), load.done(), load.thrown_out());
    turns.sort_unstable_by(f64::total_cmp);
    let [p50, p99] = [50, 99].map(|percent| turns[count * percent / 100]);
    println!(
        "{:<44}{p50:>9.3}{p99:>9.3}{:>9.3}{count:>8}{done:>14} {}, {out} thrown out",
        kind.name,
        turns[count - 1],
        kind.unit
    );
}

fn main() {
    let names: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let certificate = Arc::new(Certificate::new());
    println!(
        "{:<44}{:>9}{:>9}{:>9}{:>8}{:>14}",
        "ms of CPU in one turn", "p50", "p99", "max", "turns", "done"
    );
    for kind in kinds(&certificate) {
        if names.is_empty() || names.iter().any(|name| kind.name.contains(name.as_str())) {
            measure(&kind, &certificate);
        }
    }
}
