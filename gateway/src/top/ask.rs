//! Asks the admin server, each time on a thread of its own, so that the screen never waits for an answer.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::Builder;

use ratatui::crossterm::event::Event;
use serde_json::{Value, json};

use super::figures::{Page, Stats};
use super::history::Part;
use super::state::{Act, ActKind, ListOf, Wanted, WantedPage};
use crate::http_client::HttpClient;

/// What the screen hears of.
pub(super) enum Message {
    /// A key, or another size.
    Terminal(Event),
    /// The keyboard is gone.
    NoTerminal(String),
    Signal(i32),
    Figures(Wanted, Box<Result<(Stats, Part), String>>),
    Page(Result<Page, String>),
    /// What an act came to.
    Acted(Result<String, String>),
}

/// Asks one server.
#[derive(Clone)]
pub(super) struct Asker {
    client: Arc<HttpClient>,
    to: Sender<Message>,
}

impl Asker {
    pub(super) fn new(client: HttpClient, to: Sender<Message>) -> Self {
        Asker { client: Arc::new(client), to }
    }

    /// Asks for the figures of the server.
    ///
    /// # Errors
    /// One line that says why there is no thread for it.
    pub(super) fn ask_figures(&self, wanted: Wanted) -> Result<(), String> {
        self.spawn(move |client| {
            let figures = figures(client, &wanted);
            Message::Figures(wanted, Box::new(figures))
        })
    }

    /// Asks for a page of connections.
    ///
    /// # Errors
    /// One line that says why there is no thread for it.
    pub(super) fn ask_page(&self, wanted: WantedPage) -> Result<(), String> {
        self.spawn(move |client| Message::Page(page(client, &wanted)))
    }

    /// Has the server do something.
    ///
    /// # Errors
    /// One line that says why there is no thread for it.
    pub(super) fn act(&self, act: Act) -> Result<(), String> {
        self.spawn(move |client| Message::Acted(do_it(client, &act)))
    }

    fn spawn(&self, ask: impl FnOnce(&HttpClient) -> Message + Send + 'static) -> Result<(), String> {
        let (client, to) = (Arc::clone(&self.client), self.to.clone());
        // It fails if the screen is closed already.
        let run = move || drop(to.send(ask(&client)));
        Builder::new().name("ask".into()).spawn(run).map(drop).map_err(|error| format!("threads: {error}"))
    }
}

/// The figures of the server, with its past.
///
/// # Errors
/// One line that says why there are none.
fn figures(client: &HttpClient, wanted: &Wanted) -> Result<(Stats, Part), String> {
    let mut history = format!("/api/history?seconds={}", wanted.seconds);
    if let Some(cmd) = wanted.cmd {
        let _ = write!(history, "&cmd={cmd}");
    }
    Ok((stats(client)?, client.get_api(&history)?))
}

/// # Errors
/// One line that says why there are none.
pub(super) fn stats(client: &HttpClient) -> Result<Stats, String> {
    let stats: Stats = client.get_api("/api/stats")?;
    if stats.state.as_str().is_empty() {
        // What is left out counts as nothing, so that any JSON would look like a server without clients.
        return Err("/api/stats is not what it should be: it has no state".to_owned());
    }
    Ok(stats)
}

/// # Errors
/// One line that says why there is none.
pub(super) fn page(client: &HttpClient, wanted: &WantedPage) -> Result<Page, String> {
    let WantedPage { of, offset, limit } = wanted;
    let of = match of {
        ListOf::AllNodes => "all_nodes=true".to_owned(),
        ListOf::Server { sort, search } => format!("sort={sort}&search={}", encoded(search)),
    };
    client.get_api(&format!("/api/connections?offset={offset}&limit={limit}&{of}"))
}

fn do_it(client: &HttpClient, act: &Act) -> Result<String, String> {
    let (path, done) = match act.kind {
        ActKind::Kick => ("/api/kick", "kicked"),
        ActKind::Debug { on: true } => ("/api/debug", "debug is on for"),
        ActKind::Debug { on: false } => ("/api/debug", "debug is off for"),
    };
    client.post_api(path, &body(act)).map(|()| format!("{done} {}", act.whom))
}

/// The connection that is meant, and what to do to it. Only the server that is asked compares the time.
fn body(act: &Act) -> Value {
    let Act { kind, node, id, connected_ms, .. } = act;
    let mut body = if node.as_str().is_empty() {
        json!({ "id": id.as_str(), "connected_ms": connected_ms.as_str() })
    } else {
        json!({ "id": id.as_str(), "node": node.as_str() })
    };
    if let ActKind::Debug { on } = kind {
        body["on"] = (*on).into();
    }
    body
}

/// A value in a query (RFC 3986 §2.1).
fn encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::shown::Shown;

    #[test]
    fn an_act_names_the_connection_that_began_then() {
        for (kind, node, expected) in [
            (ActKind::Kick, "", json!({ "id": "7", "connected_ms": "5" })),
            (ActKind::Kick, "b", json!({ "id": "7", "node": "b" })),
            (ActKind::Debug { on: true }, "", json!({ "id": "7", "connected_ms": "5", "on": true })),
            (ActKind::Debug { on: false }, "b", json!({ "id": "7", "node": "b", "on": false })),
        ] {
            let [node, id, connected_ms] = [node, "7", "5"].map(Shown::new);
            assert_eq!(body(&Act { kind, node, id, connected_ms, whom: String::new() }), expected);
        }
    }

    #[test]
    fn a_search_cannot_change_the_query() {
        assert_eq!(encoded("a&b=c 名%+~"), "a%26b%3Dc%20%E5%90%8D%25%2B~");
    }
}
