//! `POST /api/blacklist`: the black list, as command 9005 has it.

use std::sync::Arc;

use log::kv::Value as Field;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::act::parse;
use super::error::Refusal;
use super::helpers::{Helpers, Lane};
use super::log_act;
use crate::blacklist::command::message;
use crate::blacklist::{AddError, Blacklist, Mistake};
use crate::http::Caller;

/// Entries in a page by default, and at most.
const PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    List,
    Add,
    Remove,
    Clear,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    action: Action,
    #[serde(default)]
    account: String,
    #[serde(default)]
    address: String,
    #[serde(default)]
    seconds: u32,
    #[serde(default)]
    offset: usize,
    limit: Option<usize>,
}

/// Does what the body asks for, and answers once the store knows of it.
pub(super) async fn blacklist(
    helpers: &Helpers,
    list: &Arc<Blacklist>,
    body: &[u8],
    caller: Caller,
) -> Result<Value, Refusal> {
    let body: Body = parse(body)?;
    let limit = body.limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Refusal::Bad(format!("limit: expected a whole number, 1 to {MAX_PAGE}")));
    }
    let list = list.clone();
    if matches!(body.action, Action::List) {
        tell(&body, caller);
        return helpers.block(Lane::Acts, move || Ok(page(&list, body.offset, limit))).await;
    }
    let (sender, receiver) = oneshot::channel();
    // The list can be locked, and a change of all of it takes its time.
    helpers.block(Lane::Acts, move || change(&list, &body, caller, sender)).await?;
    let total = helpers.look(Lane::Acts, async |_| receiver.await.map_err(|_| Refusal::Late)).await??;
    Ok(json!({ "total": total, "entries": [] }))
}

type Done = oneshot::Sender<Result<usize, Refusal>>;

/// Makes a change, and logs it. `done` is told of the number of entries that follows.
fn change(list: &Blacklist, body: &Body, caller: Caller, done: Done) -> Result<(), Refusal> {
    let mistake = |Mistake| {
        Refusal::Bad(
            "account, address: expected an account of at most 255 bytes, an address that may be listed, \
                      or both"
                .to_owned(),
        )
    };
    let failed = |error: AddError| match error {
        AddError::Full => Refusal::Unavailable("the black list is full of operators' entries".to_owned()),
        AddError::Store(error) => {
            Refusal::Unavailable(format!("{error}: the change holds, and is saved once it can be"))
        }
    };
    let answer = move |result: Result<usize, AddError>| {
        let _ = done.send(result.map_err(failed));
    };
    let (account, address) = (&body.account, &body.address);
    match body.action {
        Action::Add => {
            let subjects = list.to_add(account, address).map_err(mistake)?;
            tell(body, caller);
            list.add(subjects, body.seconds, answer);
        }
        Action::Remove => {
            let subjects = list.to_remove(account, address).map_err(mistake)?;
            tell(body, caller);
            list.remove(&subjects, move |result| answer(result.map_err(AddError::Store)));
        }
        Action::Clear => {
            tell(body, caller);
            list.clear(move |result| answer(result.map_err(AddError::Store)));
        }
        Action::List => {}
    }
    Ok(())
}

fn page(list: &Blacklist, offset: usize, limit: usize) -> Value {
    let page = list.page(offset, limit);
    let entries = page.entries.into_iter().map(|(subject, entry)| {
        let entry = message(subject, entry);
        json!({ "account": entry.account, "address": entry.address, "until_ms": entry.until_ms.to_string() })
    });
    json!({ "total": page.total, "entries": entries.collect::<Vec<_>>() })
}

fn tell(body: &Body, caller: Caller) {
    let event = match body.action {
        Action::List => "admin blacklist list",
        Action::Add => "admin blacklist add",
        Action::Remove => "admin blacklist remove",
        Action::Clear => "admin blacklist clear",
    };
    let names_whom = matches!(body.action, Action::Add | Action::Remove);
    let text = |name, text: &'_ str| (names_whom && !text.is_empty()).then_some((name, text.to_owned()));
    let (account, address) = (text("account", &body.account), text("address", &body.address));
    let fields = [
        account.as_ref().map(|(name, text)| (*name, Field::from(text.as_str()))),
        address.as_ref().map(|(name, text)| (*name, Field::from(text.as_str()))),
        matches!(body.action, Action::Add).then(|| ("seconds", Field::from(body.seconds))),
    ];
    log_act(event, caller, &fields);
}
