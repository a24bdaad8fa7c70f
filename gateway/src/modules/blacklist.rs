//! Command 9005 of module 90: the black list, for operators.

use log::kv::Value;
use sysconn::packet::ErrorId;
use sysconn::{Access, Context, Outcome, Request, Route, Ticket, proto};

use super::Gateway;
use super::monitor::{DEFAULT_PAGE, MAX_PAGE, Operator, Space};
use crate::blacklist::command::message;
use crate::blacklist::{AddError, Blacklist};
use crate::messages::monitor;

pub(super) const ROUTE: Route<Gateway> =
    Route::new(monitor::BLACKLIST, "blacklist", Access::Operator, proto!(blacklist, request))
        .messages(monitor::Blacklist::NAME, monitor::BlacklistPage::NAME);

/// Lists, adds, removes or clears. What changes the list is answered once the store knows of it: with ErrorID
/// 6 if the list is full of operators' entries, or if the store fails; then the change holds, and is saved
/// once the store works.
fn blacklist(
    gateway: &mut Gateway,
    message: monitor::Blacklist,
    request: Request<'_>,
    context: &mut Context<'_>,
) -> Outcome {
    let list = &gateway.blacklist;
    let monitor::Blacklist { action, account, address, seconds, offset, limit } = message;
    let (name, subjects) = match action {
        0 => {
            return page(list, offset, limit, Space::of(context))
                .map_or(Outcome::Refuse(ErrorId::NOT_AVAILABLE), |page| context.reply_message(&page));
        }
        1 => ("blacklist add", list.to_add(&account, &address)),
        2 => ("blacklist remove", list.to_remove(&account, &address)),
        3 => ("blacklist clear", Ok(Vec::new())),
        _ => return Outcome::Refuse(ErrorId::NOT_ALLOWED),
    };
    let Ok(subjects) = subjects else {
        return Outcome::Refuse(ErrorId::NOT_ALLOWED);
    };
    let fields = [
        (action != 3 && !account.is_empty()).then(|| ("account", Value::from(account.as_str()))),
        (action != 3 && !address.is_empty()).then(|| ("address", Value::from(address.as_str()))),
        (action == 1).then(|| ("seconds", Value::from(seconds))),
    ];
    Operator::of(context.record()).log_fields(name, &fields);
    let ticket = context.defer(request);
    match action {
        1 => list.add(subjects, seconds, move |added| {
            if added == Err(AddError::Full) {
                log::warn!("the black list is full of operators' entries");
            }
            answer(ticket, added.ok());
        }),
        2 => list.remove(&subjects, move |removed| answer(ticket, removed.ok())),
        _ => list.clear(move |cleared| answer(ticket, cleared.ok())),
    }
    Outcome::Done
}

/// Answers with the number of entries, or that the store does not have the change.
fn answer(ticket: Ticket, total: Option<usize>) {
    match total {
        Some(total) => {
            ticket.reply_message(&monitor::BlacklistPage { total: total as u64, entry: Vec::new() });
        }
        None => ticket.refuse(ErrorId::NOT_AVAILABLE),
    }
}

/// A page, as many entries as a reply should hold. `None` if it holds not even the first one.
fn page(list: &Blacklist, offset: u32, limit: u32, mut space: Space) -> Option<monitor::BlacklistPage> {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let limit = match usize::try_from(limit) {
        Ok(0) => DEFAULT_PAGE,
        Ok(limit) => limit.min(MAX_PAGE),
        Err(_) => MAX_PAGE,
    };
    let page = list.page(offset, limit);
    let is_empty = page.entries.is_empty();
    let entries = page.entries.into_iter().map(|(subject, entry)| message(subject, entry));
    let entry: Vec<_> = entries.take_while(|entry| space.take(entry)).collect();
    let is_right = is_empty || !entry.is_empty();
    is_right.then_some(monitor::BlacklistPage { total: page.total as u64, entry })
}
