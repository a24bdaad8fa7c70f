//! Turns of a reactor while a thousand clients log in at once: they keep to their time.

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../../tests/wechat/platform.rs"]
mod platform;

use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use sysconn::packet::ErrorId;
use sysconn::{
    Access, Application, Context, Identity, Login, Module, Outcome, Reactor, Request, Route, Router,
    ServerHandle, proto,
};

use super::Wechat;
use crate::blacklist::Rules;
use crate::common::{self, Client};
use crate::messages::account;
use crate::options::WechatOptions;
use crate::store::accounts::{AccountKey, role_of};
use crate::store::{Store, Transaction};
use platform::{APPID, Platform, SECRET, code_of};
use prost::Message;

const CLIENTS: usize = 1000;
/// The most CPU time of a turn, in milliseconds; more without optimisation, where each step takes longer.
const MAX_TURN_MS: f64 = if cfg!(debug_assertions) { 10.0 } else { 5.0 };

/// A reactor that is turned by hand has no `Worker`, so this does what command 1001 does by a handle.
struct Game {
    wechat: Wechat,
    store: Arc<Store>,
    server: Option<ServerHandle>,
}

impl Application for Game {
    type Session = ();
}

static ACCOUNT: Module<Game> =
    Module::new(10, "account", [Route::new(1001, "wechat_login", Access::Anyone, proto!(log_in, request))]);
static ROUTES: Router<Game> = Router::new([&ACCOUNT]);

fn log_in(
    game: &mut Game,
    message: account::WechatLogin,
    request: Request<'_>,
    context: &mut Context<'_>,
) -> Result<Outcome, ErrorId> {
    let peer = context.record().peer();
    let ticket = context.defer_login(request)?;
    let (store, server) = (game.store.clone(), game.server.clone().unwrap());
    game.wechat.exchange(message.code, peer, ticket, move |ticket, account| {
        let key = AccountKey { platform: message.platform, account, zone_id: message.zone_id };
        let work = move |transaction: &mut Transaction<'_>| Ok((role_of(transaction, &key)?, key));
        store.submit(work, move |done| {
            let (role_id, AccountKey { platform, account, zone_id }) = done.unwrap();
            let identity = Identity { account, platform, zone_id, role_id: role_id.unwrap() };
            let login = Login { identity, ..Login::default() };
            let reply = move |_: &mut Game, effects: &mut sysconn::Effects| {
                effects.reply_login_message(ticket, login, &account::WechatLoggedIn::default()).unwrap();
            };
            server.call(0, reply).unwrap();
        });
    });
    Ok(Outcome::Done)
}

/// One turn, in milliseconds of CPU time.
fn turn(reactor: &mut Reactor<Game>) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    let began = now();
    reactor.turn(Some(Duration::from_millis(10))).unwrap();
    now() - began
}

/// All clients connect, then all ask, and those that were turned away ask again.
fn clients(address: std::net::SocketAddr) {
    let mut clients: Vec<_> = (0..CLIENTS).map(|number| (number, Client::connect(address))).collect();
    while !clients.is_empty() {
        for (number, client) in &mut clients {
            let code = code_of(&format!("o{number}"));
            let message = account::WechatLogin { code, platform: String::new(), zone_id: 1 };
            client.send_packet(1001, 1, &message.encode_to_vec());
        }
        clients.retain_mut(|(_, client)| match client.reply().error_id {
            0 => false,
            error_id => {
                assert_eq!(error_id, 6);
                true
            }
        });
    }
}

#[test]
fn turns_keep_to_their_time_while_a_thousand_clients_log_in() {
    let platform = Platform::start();
    let directory = std::env::temp_dir().join(format!("sysconn-turns-{}", std::process::id()));
    let store = Arc::new(Store::open(Some(&directory)).unwrap());
    let secret_file = directory.join("secret");
    std::fs::write(&secret_file, SECRET).unwrap();
    let timeout = Duration::from_secs(60);
    let (appid, url) = (APPID.to_owned(), platform.url());
    let options = WechatOptions { appid, secret_file, url, timeout };
    let wechat = Wechat::start(&options, Rules::of_command(64)).unwrap();
    let mut reactor =
        Reactor::bind(&common::config(), &ROUTES, Game { wechat, store: store.clone(), server: None })
            .unwrap();
    let (server, address) = (reactor.handle(), reactor.local_addr().unwrap());
    reactor.act(|game, _| game.server = Some(server));

    let mut longest = 0.0_f64;
    std::thread::scope(|scope| {
        let clients = scope.spawn(|| clients(address));
        while !clients.is_finished() {
            longest = longest.max(turn(&mut reactor));
        }
    });
    assert_eq!(platform.requests(), CLIENTS);
    drop(reactor);
    store.close();
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(longest <= MAX_TURN_MS, "a turn took {longest} ms of CPU time");
}
