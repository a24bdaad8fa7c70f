//! Asks the admin server, each time on a thread of its own, so that the screen never waits for an answer.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::Builder;

use ratatui::crossterm::event::Event;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::figures::{Page, Stats};
use super::history::Part;
use super::shown::Shown;
use super::state::{Act, ActKind, Wanted, WantedPage};
use crate::http_client::{Answer, HttpClient};

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
    Ok((stats(client)?, get(client, &history)?))
}

/// # Errors
/// One line that says why there are none.
pub(super) fn stats(client: &HttpClient) -> Result<Stats, String> {
    get(client, "/api/stats")
}

/// # Errors
/// One line that says why there is none.
pub(super) fn page(client: &HttpClient, wanted: &WantedPage) -> Result<Page, String> {
    let WantedPage { sort, search, offset, limit } = wanted;
    let search = encoded(search);
    get(client, &format!("/api/connections?offset={offset}&limit={limit}&sort={sort}&search={search}"))
}

fn do_it(client: &HttpClient, act: &Act) -> Result<String, String> {
    let id = act.id.as_str();
    let (path, body, done) = match act.kind {
        ActKind::Kick => ("/api/kick", json!({ "id": id }), "kicked"),
        ActKind::Debug { on } => {
            let done = if on { "debug is on for" } else { "debug is off for" };
            ("/api/debug", json!({ "id": id, "on": on }), done)
        }
    };
    let answer = client.post(path, &body).map_err(|error| error.to_string())?;
    accepted(answer).map(|_| format!("{done} {}", act.whom))
}

fn get<T: DeserializeOwned>(client: &HttpClient, path: &str) -> Result<T, String> {
    let answer = accepted(client.get(path).map_err(|error| error.to_string())?)?;
    let place = path.split('?').next().unwrap_or_default();
    serde_json::from_slice(&answer.body).map_err(|error| format!("{place} is not what it should be: {error}"))
}

/// An answer whose status is 200.
fn accepted(answer: Answer) -> Result<Answer, String> {
    #[derive(Deserialize)]
    struct Refusal {
        error: Shown,
    }
    if answer.status == 200 {
        return Ok(answer);
    }
    let reason = match serde_json::from_slice::<Refusal>(&answer.body) {
        Ok(refusal) => refusal.error,
        Err(_) => Shown::new("this is not the admin server of sysconn"),
    };
    let advice = if answer.status == 401 { " (--token-file FILE)" } else { "" };
    Err(format!("HTTP status {}: {reason}{advice}", answer.status))
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

    #[test]
    fn a_refusal_says_why() {
        let refused =
            |status, body: &str| accepted(Answer { status, body: body.as_bytes().to_vec() }).unwrap_err();
        assert_eq!(
            refused(404, r#"{"error":"no \u001b such thing"}"#),
            r"HTTP status 404: no \u{1b} such thing"
        );
        assert_eq!(refused(401, r#"{"error":"no"}"#), "HTTP status 401: no (--token-file FILE)");
        assert_eq!(refused(500, "<html>"), "HTTP status 500: this is not the admin server of sysconn");
    }

    #[test]
    fn a_search_cannot_change_the_query() {
        assert_eq!(encoded("a&b=c 名%+~"), "a%26b%3Dc%20%E5%90%8D%25%2B~");
    }
}
