//! A game that pushes by the calls of the library: from handlers, and from another thread.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, scope};

use sysconn::config::Listen;
use sysconn::{
    Access, Application, Config, ConnectionId, Context, Module, Outcome, Push, Request, Route, Router,
    ServerHandle, Topic, Worker, Workers,
};

use super::cases::IN_A_ROW;
use super::fleet::{POSTER, Result, pin};
use super::{CLIENT_CPU, SERVER_CPU};

/// Becomes a member, or stays one.
pub(crate) const JOIN: u16 = 2301;
/// Data → a push of it to all members.
pub(crate) const BROADCAST: u16 = 2302;
/// Data → so many in a row.
pub(crate) const BROADCASTS: u16 = 2303;
pub(crate) const PUBLISHES: u16 = 2304;
/// The same from another thread, by these calls.
pub(crate) const THREAD_PUBLISHES: u16 = 2305;
pub(crate) const THREAD_CALLS: u16 = 2306;
pub(crate) const THREAD_SENDS: u16 = 2307;
const SAID: u16 = 2310;

/// All members, whatever their worker.
static MEMBERS: Mutex<Vec<ConnectionId>> = Mutex::new(vec![]);

struct Game {
    members: Vec<ConnectionId>,
    posts: Sender<(u16, Push)>,
}

impl Application for Game {
    type Session = ();
}

static MODULE: Module<Game> = Module::new(
    23,
    "pushes",
    [
        Route::new(JOIN, "join", Access::Anyone, join),
        Route::new(BROADCAST, "broadcast", Access::Anyone, |game, request, context| {
            context.effects().broadcast(game.members.iter().copied(), &Push::new(SAID, request.data()));
            Outcome::Done
        }),
        Route::new(BROADCASTS, "broadcasts", Access::Anyone, |game, request, context| {
            for _ in 0..IN_A_ROW {
                context.effects().broadcast(game.members.iter().copied(), &Push::new(SAID, request.data()));
            }
            Outcome::Done
        }),
        Route::new(PUBLISHES, "publishes", Access::Anyone, |_, request, context| {
            for _ in 0..IN_A_ROW {
                let _ = context.effects().publish(&topic(), &Push::new(SAID, request.data()));
            }
            Outcome::Done
        }),
        Route::new(THREAD_PUBLISHES, "thread_publishes", Access::Anyone, pass_on),
        Route::new(THREAD_CALLS, "thread_calls", Access::Anyone, pass_on),
        Route::new(THREAD_SENDS, "thread_sends", Access::Anyone, pass_on),
    ],
);
static ROUTER: Router<Game> = Router::new([&MODULE]);

fn topic() -> Topic {
    Topic::from(1)
}

fn join(game: &mut Game, _: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let id = context.id();
    if !game.members.contains(&id) {
        game.members.push(id);
        MEMBERS.lock().unwrap_or_else(PoisonError::into_inner).push(id);
    }
    let _ = context.subscribe(&topic());
    context.reply(b"")
}

fn pass_on(game: &mut Game, request: Request<'_>, _: &mut Context<'_>) -> Outcome {
    let _ = game.posts.send((request.cmd(), Push::new(SAID, request.data())));
    Outcome::Done
}

/// Serves until the process is killed.
pub(crate) fn run(workers: usize) -> Result {
    if workers == 1 {
        pin(SERVER_CPU)?;
    }
    let mut config = Config::default();
    config.workers = workers;
    config.listen = vec![Listen::Tcp(([127, 0, 0, 1], 0).into())];
    config.limits.max_connections_per_ip = None;
    (config.timers.read, config.timers.client_check, config.timers.ping_interval) = (None, None, None);
    config.timers.account_check = None;
    let (posts, receiver) = channel();
    let state = |_: Worker<Game>| Game { members: vec![], posts: posts.clone() };
    let mut server = Workers::bind(&config, &ROUTER, state)?;
    println!("listening on {}", server.local_addr().ok_or("no address")?);
    let (handle, count) = (server.handle(), server.count());
    scope(|scope| {
        Builder::new().name(POSTER.into()).spawn_scoped(scope, move || post(&handle, count, &receiver))?;
        Ok(server.run()?)
    })
}

/// Pushes what it is told to.
fn post(server: &ServerHandle, workers: usize, posts: &Receiver<(u16, Push)>) {
    let _ = pin(CLIENT_CPU);
    let members = || MEMBERS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for (cmd, push) in posts {
        for _ in 0..IN_A_ROW {
            match cmd {
                THREAD_PUBLISHES => server.publish(&topic(), &push).unwrap_or_default(),
                THREAD_SENDS => members().iter().for_each(|id| server.send(*id, &push).unwrap_or_default()),
                _ => (0..workers).for_each(|worker| {
                    let push = push.clone();
                    let _ = server.call(worker, move |game: &mut Game, effects| {
                        effects.broadcast(game.members.iter().copied(), &push);
                    });
                }),
            }
        }
    }
}
