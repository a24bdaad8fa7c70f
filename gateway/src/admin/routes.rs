//! `GET /api/routes`: the commands of the game, with an empty message of each.

use std::sync::OnceLock;

use serde_json::Value;

use super::call::catalogue;
use super::error::Refusal;
use super::helpers::{Helpers, Lane};
use crate::call::data::to_json;
use crate::modules;

/// The routes that `sysconn routes --json` prints. `template` is the request's message with all its fields.
pub(super) async fn routes(helpers: &Helpers, diagnostics: bool) -> Result<Value, Refusal> {
    static PLAIN: OnceLock<Value> = OnceLock::new();
    static WITH_DIAGNOSTICS: OnceLock<Value> = OnceLock::new();
    let known = if diagnostics { &WITH_DIAGNOSTICS } else { &PLAIN };
    if let Some(routes) = known.get() {
        return Ok(routes.clone());
    }
    let routes = helpers.block(Lane::Lists, move || read(diagnostics)).await?;
    Ok(known.get_or_init(|| routes).clone())
}

fn read(diagnostics: bool) -> Result<Value, Refusal> {
    let catalogue = catalogue()?;
    let json = modules::routes(diagnostics).routes_json();
    let unreadable = |error| Refusal::Unavailable(format!("the routes: {error}"));
    let mut routes: Vec<Value> = serde_json::from_str(&json).map_err(unreadable)?;
    for route in &mut routes {
        let cmd = route.get("cmd").and_then(Value::as_u64).and_then(|cmd| u16::try_from(cmd).ok());
        let message = cmd.and_then(|cmd| catalogue.numbered(cmd).request);
        let template = message.and_then(|message| to_json(message, &[]));
        let template = template.and_then(|json| serde_json::from_str(&json).ok());
        if let Some(route) = route.as_object_mut() {
            route.insert("template".to_owned(), template.unwrap_or(Value::Null));
        }
    }
    Ok(Value::Array(routes))
}
