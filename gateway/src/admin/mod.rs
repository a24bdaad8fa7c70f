//! The admin server (`--admin`): metrics, health checks, and an API for operators, on the side thread.
//!
//! Nothing here waits for a reactor: figures come from memory that the reactors write, and what only a worker
//! or a file knows is asked of helpers, with a bound and a deadline. docs/admin.md describes each path.

mod access;
mod act;
mod api;
mod blacklist;
mod call;
mod connections;
mod error;
mod families;
mod game;
mod health;
mod helpers;
mod history;
mod nodes;
mod page;
mod process;
mod query;
mod recordings;
mod routes;
mod series;
mod stats;
mod times;
mod token;
mod watchdog;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use log::Level;
use log::kv::{Source, Value};
use sysconn::config::{Config, Listen};
use sysconn::metrics::Metrics;
use sysconn::{ServerHandle, SocketFile, log_line};
use tokio::sync::Semaphore;

use crate::blacklist::Blacklist;
use crate::clock::unix_ms;
use crate::cluster::Cluster;
use crate::http::{Caller, HttpServer};
use crate::options::{AdminOptions, of_option};
use crate::side::Side;

use access::Access;
use api::{Api, MAX_WAITING};
use families::Families;
use game::Game;
use health::Health;
use helpers::Helpers;
use history::History;
use nodes::Nodes;
use process::Process;
use stats::Minute;
use watchdog::Watchdog;

pub(crate) use token::AdminToken;

/// An admin server that listens already.
pub(crate) struct Admin {
    http: HttpServer,
    token: Option<Arc<AdminToken>>,
    stall_warning: Option<Duration>,
}

/// What it shows, and acts on.
pub(crate) struct Subject<'a> {
    pub(crate) server: ServerHandle,
    pub(crate) config: &'a Config,
    /// Where the game listens.
    pub(crate) listening: Vec<Listen>,
    pub(crate) blacklist: Arc<Blacklist>,
    pub(crate) cluster: Option<Arc<Cluster>>,
    /// Whether the first signal to end has come.
    pub(crate) is_draining: Arc<AtomicBool>,
    /// The file of the certificate.
    pub(crate) certificate: Option<String>,
    /// Whether there are commands 1106 and 1107.
    pub(crate) diagnostics: bool,
}

impl Admin {
    /// Reads the token and listens, if the options ask for it.
    ///
    /// # Errors
    /// One line that says which option cannot be used.
    pub(crate) fn bind(options: &AdminOptions, socket_mode: Option<u32>) -> Result<Option<Self>, String> {
        let Some(listen) = &options.listen else { return Ok(None) };
        let token = options.token_file.as_deref().map(AdminToken::open).transpose();
        let token = token.map_err(of_option("admin-token-file"))?.map(Arc::new);
        let http = HttpServer::bind(listen, socket_mode).map_err(|error| format!("--admin: {error}"))?;
        Ok(Some(Admin { http, token, stall_warning: options.stall_warning }))
    }

    /// The token, which is read again at SIGHUP.
    pub(crate) fn token(&self) -> Option<Arc<AdminToken>> {
        self.token.clone()
    }

    /// Has the side thread serve, and names the address in the log. Returns the file of a Unix socket, which
    /// is removed when it is dropped.
    ///
    /// # Errors
    /// One line that says why it cannot serve.
    pub(crate) fn serve(mut self, of: Subject<'_>, side: &mut Side) -> Result<Option<SocketFile>, String> {
        let metrics = of.server.metrics().ok_or("--admin: the server has no metrics")?;
        let address = self.http.address().clone();
        let is_exposed = matches!(&address, Listen::Tcp(address) if !address.ip().is_loopback());
        let began_ms = unix_ms();
        let watchdog = Arc::new(Watchdog::new(self.stall_warning));
        let past = Arc::new(Mutex::new((History::default(), Minute::default())));
        let api = Api {
            access: Access::new(self.token, is_exposed),
            health: Health {
                is_draining: of.is_draining,
                watchdog: watchdog.clone(),
                cluster: of.cluster.clone(),
            },
            nodes: Nodes::new(of.server.clone(), of.cluster.clone()),
            waiting: Semaphore::new(MAX_WAITING),
            helpers: Helpers::new(of.server, of.config.workers),
            game: Game::find(of.config, of.listening.into_iter()),
            recordings: of.config.recording.as_ref().map(|recording| recording.directory.clone()),
            past: past.clone(),
            families: Families {
                metrics: metrics.clone(),
                blacklist: of.blacklist,
                cluster: of.cluster,
                certificate: of.certificate,
                began: began_ms as f64 / 1e3,
            },
            began_ms,
            diagnostics: of.diagnostics,
        };
        let file = self.http.take_file();
        let (http, of_history) = (self.http, metrics.clone());
        side.add(move || http.serve(api));
        side.add(move || async move { watchdog.watch(&metrics).await });
        side.add(move || keep_history(of_history, past));
        match address {
            Listen::Tcp(address) => log::info!("the admin server is at http://{address}/"),
            Listen::Unix(_) => log::info!("the admin server is at {address}"),
        }
        Ok(file)
    }
}

/// Takes a point of the history every second.
#[expect(clippy::disallowed_methods, reason = "the side thread reads its own clock")]
async fn keep_history(metrics: Metrics, past: Arc<Mutex<(History, Minute)>>) {
    let began = std::time::Instant::now();
    let mut taken = 0;
    let mut grid = tokio::time::interval(Duration::from_secs(1));
    grid.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        grid.tick().await;
        let now = began.elapsed().as_secs() + 1;
        let passed = std::mem::replace(&mut taken, now);
        let passed = now.saturating_sub(passed);
        if passed == 0 {
            continue;
        }
        let (snapshot, process) = (metrics.snapshot(), Process::brief());
        let (history, minute) = &mut *api::lock(&past);
        minute.pass(&snapshot, passed);
        history.take(snapshot, &process, unix_ms(), usize::try_from(passed).unwrap_or(usize::MAX));
    }
}

/// Writes an act of an operator to the log, with its fields and who did it. It is never left out.
fn log_act(event: &str, caller: Caller, fields: &dyn Source) {
    let who = [("admin", Value::from_display(&caller))];
    log_line::write(Level::Info, event, &[fields, &who]);
}
