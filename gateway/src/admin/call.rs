//! `POST /api/call`: one request to the game, by a client of its own.

use std::sync::OnceLock;
use std::time::Instant;

use log::kv::Value as Field;
use prost::Message as _;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::Value;
use sysconn::client::ClientError;
use sysconn::packet::ErrorId;

use super::act::parse;
use super::error::Refusal;
use super::game::Game;
use super::helpers::{Helpers, Lane};
use super::log_act;
use super::query::hex;
use crate::call::catalogue::{Catalogue, Command};
use crate::call::data::{from_json, to_hex, to_json};
use crate::call::{end, meaning};
use crate::http::Caller;
use crate::messages::account;
use crate::modules;

/// The access of routes that need no login.
const ANYONE: &str = "anyone";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    cmd: CommandName,
    /// The message, where the command has one.
    json: Option<Value>,
    /// Or its bytes.
    hex: Option<String>,
    /// The message of command 1002, which is sent first.
    login: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CommandName {
    Number(u16),
    Name(String),
}

/// A call that can be made.
struct Call {
    command: Command,
    data: Vec<u8>,
    login: Option<Vec<u8>>,
}

/// Calls the game, and answers with its reply.
pub(super) async fn call(
    helpers: &Helpers,
    game: Option<&Game>,
    body: &[u8],
    caller: Caller,
) -> Result<Value, Refusal> {
    let unreachable = || Refusal::Unavailable("the game listens nowhere".to_owned());
    let game = game.cloned().ok_or_else(unreachable)?;
    let body: Body = parse(body)?;
    helpers
        .block(Lane::Calls, move || {
            let call = prepare(&body)?;
            tell(&call, caller);
            make(&game, &call)
        })
        .await
}

/// The commands of the program.
pub(super) fn catalogue() -> Result<&'static Catalogue, Refusal> {
    static CATALOGUE: OnceLock<Result<Catalogue, String>> = OnceLock::new();
    let catalogue = CATALOGUE.get_or_init(|| Catalogue::load(None, None));
    catalogue.as_ref().map_err(|error| Refusal::Unavailable(error.clone()))
}

fn prepare(body: &Body) -> Result<Call, Refusal> {
    let catalogue = catalogue()?;
    let command = match &body.cmd {
        CommandName::Number(cmd) => catalogue.numbered(*cmd),
        CommandName::Name(name) => catalogue.command(name).map_err(Refusal::Bad)?,
    };
    let data = match (&body.json, &body.hex) {
        (None, None) => Vec::new(),
        (Some(json), None) => {
            let unknown = || Refusal::Bad(format!("no message of command {} is known: use hex", command.cmd));
            let message = command.request.as_ref().ok_or_else(unknown)?;
            from_json(message, &json.to_string()).map_err(|error| Refusal::Bad(format!("json: {error}")))?
        }
        (None, Some(hex)) => {
            bytes(hex).ok_or_else(|| Refusal::Bad("hex: expected pairs of hexadecimal digits".to_owned()))?
        }
        (Some(_), Some(_)) => return Err(Refusal::Bad("expected json or hex, not both".to_owned())),
    };
    let login = match (&body.login, catalogue.numbered(account::LOGIN).request) {
        (Some(login), Some(message)) => {
            let bytes = from_json(&message, &login.to_string());
            Some(bytes.map_err(|error| Refusal::Bad(format!("login: {error}")))?)
        }
        (None, _) | (_, None) => None,
    };
    if login.is_none() && !is_for_anyone(command.cmd) {
        let text = format!("command {} is not for anyone: it needs a login (command 1002)", command.cmd);
        return Err(Refusal::Forbidden(text));
    }
    Ok(Call { command, data, login })
}

/// Whether a command needs no login. The game refuses one that it does not know.
fn is_for_anyone(cmd: u16) -> bool {
    let route = modules::routes(true).routes().find(|route| route.cmd == cmd);
    route.is_none_or(|route| route.access == ANYONE)
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let pair = |[high, low]: &[u8; 2]| Some(hex(*high)? << 4 | hex(*low)?);
    if rest.is_empty() { pairs.iter().map(pair).collect() } else { None }
}

/// Makes the call. It blocks.
fn make(game: &Game, call: &Call) -> Result<Value, Refusal> {
    let mut client = game.connect().map_err(|error| failed(&error))?;
    if let Some(login) = &call.login {
        client.call(account::LOGIN, login).map_err(|error| match error {
            ClientError::Refused(id) => Refusal::Game(format!("the login was refused with ErrorID {id}")),
            error => failed(&error),
        })?;
    }
    let began = now();
    let cmd = call.command.cmd;
    let (error_id, data) = match client.call(cmd, &call.data) {
        Ok(reply) => (ErrorId::NONE, reply.data.to_vec()),
        Err(ClientError::Refused(error_id)) => (error_id, Vec::new()),
        Err(error) => return Err(failed(&error)),
    };
    let took_ms = began.elapsed().as_secs_f64() * 1000.0;
    client.close();
    let shown = call.command.reply.clone().and_then(|message| to_json(message, &data));
    let shown = shown.filter(|_| error_id == ErrorId::NONE);
    Ok(json!({
        "cmd": cmd,
        "error_id": error_id.0,
        "meaning": (error_id != ErrorId::NONE).then(|| meaning(error_id)),
        "json": shown.and_then(|json| serde_json::from_str::<Value>(&json).ok()),
        "hex": to_hex(&data),
        "took_ms": took_ms,
    }))
}

fn failed(error: &ClientError) -> Refusal {
    Refusal::Game(match error {
        ClientError::Ended(ended) => format!("the game ended the connection: {}", end(ended)),
        error => format!("the game did not answer: {error}"),
    })
}

#[expect(clippy::disallowed_methods, reason = "a client has no reactor whose clock it could read")]
fn now() -> Instant {
    Instant::now()
}

/// Writes the call to the log, and who logs in, without its Data and without the token.
fn tell(call: &Call, caller: Caller) {
    let login = call.login.as_ref().or((call.command.cmd == account::LOGIN).then_some(&call.data));
    let login = login.and_then(|data| account::Login::decode(data.as_slice()).ok());
    let fields = [
        Some(("cmd", Field::from(call.command.cmd))),
        login.as_ref().map(|login| ("account", Field::from(login.account.as_str()))),
        login.as_ref().map(|login| ("role_id", Field::from(login.role_id))),
    ];
    log_act("admin call", caller, &fields);
}
