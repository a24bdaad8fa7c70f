//! The paths of the admin server, and what is at each.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::{Method, Request, StatusCode};
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::access::{Access, check_type};
use super::act::{Act, act};
use super::blacklist::blacklist;
use super::call::call;
use super::connections::connections;
use super::error::{JSON, Refusal};
use super::families::{Families, OPENMETRICS};
use super::game::Game;
use super::health::Health;
use super::helpers::{Helpers, Lane};
use super::history::{History, SECONDS, Wanted};
use super::nodes::Nodes;
use super::process::Process;
use super::query::Query;
use super::stats::{About, Minute, stats};
use super::{page, recordings, routes};
use crate::clock::unix_ms;
use crate::http::{Answer, Caller, MAX_CONNECTIONS, Site, answer, unless_read};

/// The most commands that a request for the history can name.
const MAX_COMMANDS: usize = 32;
/// Requests at one time that may wait for others: workers, files, the game, other servers. The rest of the
/// connections is for health, metrics and figures, so that what hangs does not hide that it does.
pub(super) const MAX_WAITING: usize = 20;
const _: () = assert!(MAX_WAITING + 4 <= MAX_CONNECTIONS);
/// The methods of paths that show something, and of those that act.
const GET: &str = "GET, HEAD";
const POST: &str = "POST";

/// The admin server's site.
pub(super) struct Api {
    pub(super) access: Access,
    pub(super) health: Health,
    pub(super) helpers: Helpers,
    pub(super) nodes: Nodes,
    pub(super) waiting: Semaphore,
    pub(super) game: Option<Game>,
    /// The directory of recordings.
    pub(super) recordings: Option<PathBuf>,
    pub(super) past: Arc<Mutex<(History, Minute)>>,
    pub(super) families: Families,
    pub(super) began_ms: u64,
    pub(super) diagnostics: bool,
}

/// What is at a path.
#[derive(Clone, Copy)]
enum Place<'a> {
    Metrics,
    Stats,
    Connections,
    Routes,
    Recordings,
    Recording(&'a str),
    History,
    Act(Act),
    Blacklist,
    Call,
}

impl<'a> Place<'a> {
    fn find(path: &'a str) -> Option<Self> {
        Some(match path {
            "/metrics" => Place::Metrics,
            "/api/stats" => Place::Stats,
            "/api/connections" => Place::Connections,
            "/api/routes" => Place::Routes,
            "/api/recordings" => Place::Recordings,
            "/api/history" => Place::History,
            "/api/kick" => Place::Act(Act::Kick),
            "/api/debug" => Place::Act(Act::Debug),
            "/api/record" => Place::Act(Act::Record),
            "/api/blacklist" => Place::Blacklist,
            "/api/call" => Place::Call,
            _ => Place::Recording(path.strip_prefix("/api/recordings/")?),
        })
    }

    fn methods(self) -> &'static str {
        match self {
            Place::Act(_) | Place::Blacklist | Place::Call => POST,
            _ => GET,
        }
    }
}

impl Site for Api {
    async fn answer(&self, request: Request<Bytes>) -> Answer {
        let path = request.uri().path();
        let open = match path {
            "/healthz" => Some(self.health.live()),
            "/readyz" => Some(self.health.ready()),
            _ => page::file(path, request.headers()),
        };
        if let Some(open) = open {
            return unless_read(request.method()).unwrap_or(open);
        }
        self.guarded(&request).await.unwrap_or_else(Refusal::answer)
    }
}

impl Api {
    /// What needs the token, if anything does.
    async fn guarded(&self, request: &Request<Bytes>) -> Result<Answer, Refusal> {
        let caller = *request.extensions().get::<Caller>().ok_or(Refusal::Token)?;
        self.access.check(request, caller)?;
        let place = Place::find(request.uri().path());
        let place = place.ok_or(Refusal::NotFound("there is nothing at this path"))?;
        let is_post = *request.method() == Method::POST;
        let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
        if !(if place.methods() == POST { is_post } else { is_get }) {
            return Err(Refusal::Method(place.methods()));
        }
        if is_post {
            check_type(request.headers())?;
        }
        let query = request.uri().query().unwrap_or_default();
        if let Place::Metrics = place {
            let families = self.families.clone();
            let text = self.helpers.block(Lane::Figures, move || Ok(families.encode())).await?;
            return Ok(answer(StatusCode::OK, OPENMETRICS, text));
        }
        if let Place::Stats = place {
            return Ok(answer(StatusCode::OK, JSON, self.stats(query).await?.to_string()));
        }
        let _place = self.place()?;
        let body = request.body();
        let value = match place {
            Place::Act(kind) => {
                act(&self.helpers, &self.nodes, kind, self.recordings.is_some(), body, caller).await?
            }
            Place::Blacklist => blacklist(&self.helpers, &self.families.blacklist, body, caller).await?,
            Place::Call => call(&self.helpers, self.game.as_ref(), body, caller).await?,
            _ => return Ok(answer(StatusCode::OK, JSON, self.show(place, query).await?)),
        };
        Ok(answer(StatusCode::OK, JSON, value.to_string()))
    }

    /// The right to wait for others.
    fn place(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        self.waiting.try_acquire().map_err(|_| Refusal::Busy)
    }

    /// The text of what is shown. Where it can be long, a thread that may block makes it.
    async fn show(&self, place: Place<'_>, query: &str) -> Result<String, Refusal> {
        let directory = || self.recordings.clone();
        match place {
            Place::History => return self.history(query).await,
            Place::Connections => {
                return match self.nodes.connections(query).await {
                    Some(page) => page,
                    None => connections(&self.helpers, query).await,
                };
            }
            Place::Recording(id) => return recordings::show(&self.helpers, directory(), id, query).await,
            _ => {}
        }
        Query::parse(query, &[], "").map_err(Refusal::Bad)?;
        match place {
            Place::Routes => routes::routes(&self.helpers, self.diagnostics).await,
            _ => recordings::list(&self.helpers, directory()).await,
        }
        .map(|value| value.to_string())
    }

    /// The figures of this server, or of another one of its cluster.
    async fn stats(&self, query: &str) -> Result<Value, Refusal> {
        let query = Query::parse(query, &["node"], "").map_err(Refusal::Bad)?;
        let node = query.text("node").unwrap_or_default();
        if self.nodes.is_elsewhere(node)? {
            let _place = self.place()?;
            return self.nodes.stats(node).await;
        }
        let process = self.helpers.block(Lane::Figures, || Ok(Process::now())).await?;
        let (history, minute) = &*lock(&self.past);
        let mut shown = stats(&About {
            snapshot: &self.families.metrics.snapshot(),
            process,
            minute,
            history,
            is_draining: self.health.is_draining(),
            stalls: self.health.stalls(),
            began_ms: self.began_ms,
            now_ms: unix_ms(),
        });
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("node".to_owned(), self.nodes.own_name().into());
            shown.insert("other_nodes".to_owned(), self.nodes.names().into());
        }
        Ok(shown)
    }

    async fn history(&self, query: &str) -> Result<String, Refusal> {
        let query = Query::parse(query, &["seconds"], "cmd").map_err(Refusal::Bad)?;
        let seconds = query.number("seconds", SECONDS, (1, SECONDS)).map_err(Refusal::Bad)?;
        let bad =
            || Refusal::Bad(format!("cmd: expected all, or at most {MAX_COMMANDS} numbers of commands"));
        let commands: Vec<&str> = query.all("cmd").collect();
        let wanted = match commands[..] {
            ["all"] => Wanted::All,
            _ => {
                let numbers = commands.iter().map(|cmd| cmd.parse().map_err(|_| bad()));
                Wanted::These(numbers.collect::<Result<_, _>>()?)
            }
        };
        if commands.len() > MAX_COMMANDS {
            return Err(bad());
        }
        let past = self.past.clone();
        // Much text is made of it: a copy is taken first, so that the next point need not wait.
        let show = move || {
            let history = lock(&past).0.clone();
            Ok(history.show(seconds, &wanted).to_string())
        };
        self.helpers.block(Lane::Lists, show).await
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is under these locks is only read after a panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
