//! What operators ask of other servers of a cluster.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use prost::Message;
use sysconn::packet::ErrorId;
use sysconn::{Survey, Ticket, Worker};

use super::Monitored;
use super::page::{Space, look_at_page, range};
use crate::messages::monitor::{self, ConnectionPage, Connections};

/// What another server has answered to a request: the Data of its reply, or an ErrorID. None: it has not
/// answered in time.
pub(crate) type Answered = Option<Result<Vec<u8>, ErrorId>>;

/// The other servers of a cluster.
pub(crate) trait Others: Send + Sync {
    /// The name of this server.
    fn own_name(&self) -> String;

    /// The names of the others that are known.
    fn names(&self) -> Vec<String>;

    /// Asks one of them for what a command of this module does. `done` is called once, on any thread, and
    /// must not block.
    fn ask(&self, node: &str, cmd: u16, data: Vec<u8>, done: Box<dyn FnOnce(Answered) + Send>);
}

/// Where a request is to be worked off.
pub(super) enum Place {
    Here,
    At(Arc<dyn Others>),
    Unknown,
}

impl Place {
    /// Where this server is. It has a name only in a cluster.
    pub(super) fn of<S: Monitored>(state: &S, node: &str) -> Self {
        if node.is_empty() {
            return Place::Here;
        }
        match state.others() {
            Some(others) if others.own_name() == node => Place::Here,
            Some(others) if others.names().iter().any(|name| name == node) => Place::At(others),
            Some(_) | None => Place::Unknown,
        }
    }
}

/// Has another server work a request off, and passes its answer on. `missing` is the reply if it does not
/// answer; without one the client gets ErrorID 6.
pub(super) fn forward(
    others: &dyn Others,
    node: &str,
    cmd: u16,
    message: &impl Message,
    ticket: Ticket,
    missing: Option<Vec<u8>>,
) {
    others.ask(node, cmd, message.encode_to_vec(), Box::new(|answered| pass_on(answered, ticket, missing)));
}

/// Passes the answer of another server on, as [`forward`] does.
pub(super) fn pass_on(answered: Answered, ticket: Ticket, missing: Option<Vec<u8>>) {
    match (answered, missing) {
        (Some(Ok(data)), _) => ticket.reply(data),
        (Some(Err(error_id)), _) => ticket.refuse(error_id),
        (None, Some(data)) => ticket.reply(data),
        (None, None) => ticket.refuse(ErrorId::NOT_AVAILABLE),
    }
}

/// What one server has answered.
struct Part {
    page: ConnectionPage,
    /// Whether it has left out connections that were asked for.
    is_cut: bool,
}

/// The answers of servers, by their names.
type Parts = BTreeMap<String, Part>;

/// What follows once all servers have answered, or not: the names of the latter come last.
type Then = Box<dyn FnOnce(Parts, Vec<String>) + Send>;

/// Answers that are being gathered.
struct Gathered {
    /// Servers that have still to answer.
    left: usize,
    parts: Parts,
    missing: Vec<String>,
    then: Option<Then>,
}

/// A look at the workers of this server, one after the other.
pub(crate) type Look = Box<dyn FnMut(&Survey<'_>) + Send>;
/// Has the workers of this server looked at, from any thread.
pub(crate) type LookAtAll = Arc<dyn Fn(Look) + Send + Sync>;
/// What follows once a page was gathered: `None` if not even its first connection fits.
pub(crate) type Gathering = Box<dyn FnOnce(Option<ConnectionPage>) + Send>;

/// Has the workers looked at by a call on one of them.
pub(super) fn look_by<S: Monitored>(worker: Worker<S>) -> LookAtAll {
    Arc::new(move |look| {
        // If the call fails the look is dropped with it.
        let _ = worker.call(worker.index(), move |_, effects| effects.survey_all(look));
    })
}

/// Gathers a page of the connections of all servers, ordered by their names.
///
/// The first page takes one round of questions. For any other one the first round says how many connections
/// each server has.
pub(crate) fn list_all(
    own: LookAtAll,
    others: Arc<dyn Others>,
    message: &Connections,
    space: Space,
    done: Gathering,
) {
    let (offset, limit) = range(message);
    let mut names = others.names();
    names.push(others.own_name());
    let first = if offset == 0 { page_of(0, limit) } else { page_of(0, 1) };
    let questions = names.into_iter().map(|name| (name, first)).collect();
    let (again, asked) = (own.clone(), others.clone());
    let then = move |parts: Parts, missing: Vec<String>| {
        let total = parts.values().map(|part| part.page.total).sum();
        if offset == 0 {
            return done(join(total, parts, missing, limit, space));
        }
        let totals: Vec<_> = parts.into_iter().map(|(name, part)| (name, part.page.total)).collect();
        let questions = questions_for(totals, offset, limit);
        let then = move |parts: Parts, also_missing: Vec<String>| {
            let missing = missing.into_iter().chain(also_missing).collect();
            done(join(total, parts, missing, limit, space));
        };
        gather(&again, &asked, questions, Box::new(then));
    };
    gather(&own, &others, questions, Box::new(then));
}

fn page_of(offset: usize, limit: usize) -> Connections {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Connections { offset: number(offset), limit: number(limit), all_nodes: false }
}

/// The part of a page that each server has. `totals` are their connections.
fn questions_for(
    totals: Vec<(String, u64)>,
    mut offset: usize,
    mut left: usize,
) -> Vec<(String, Connections)> {
    let mut questions = vec![];
    for (name, total) in totals {
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        let own = total.saturating_sub(offset).min(left);
        if own > 0 {
            questions.push((name, page_of(offset, own)));
        }
        offset = offset.saturating_sub(total);
        left -= own;
    }
    questions
}

/// Asks all of these servers at once.
fn gather(own: &LookAtAll, others: &Arc<dyn Others>, questions: Vec<(String, Connections)>, then: Then) {
    if questions.is_empty() {
        return then(Parts::new(), vec![]);
    }
    let gathered = Gathered { left: questions.len(), parts: Parts::new(), missing: vec![], then: Some(then) };
    let gathered = Arc::new(Mutex::new(gathered));
    let own_name = others.own_name();
    for (name, message) in questions {
        let answer = Answer { gathered: gathered.clone(), name: name.clone(), asked: message, page: None };
        if name == own_name {
            let look = look_at_page(name, &message, Space::of_answer(), move |page| answer.give(page));
            // If nobody looks the answer is dropped with the look, and counts as missing.
            own(Box::new(look));
        } else {
            let decode = move |answered: Answered| {
                let data = answered.and_then(Result::ok);
                answer.give(data.and_then(|data| ConnectionPage::decode(data.as_slice()).ok()));
            };
            others.ask(&name, monitor::CONNECTIONS, message.encode_to_vec(), Box::new(decode));
        }
    }
}

/// The answer of one server, given when it is dropped.
struct Answer {
    gathered: Arc<Mutex<Gathered>>,
    name: String,
    asked: Connections,
    page: Option<ConnectionPage>,
}

impl Answer {
    fn give(mut self, page: Option<ConnectionPage>) {
        self.page = page;
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // No code under the lock can panic half-way.
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let name = std::mem::take(&mut self.name);
        match self.page.take() {
            Some(page) => {
                let (offset, limit) = range(&self.asked);
                let total = usize::try_from(page.total).unwrap_or(usize::MAX);
                let is_cut = page.connection.len() < total.saturating_sub(offset).min(limit);
                gathered.parts.insert(name, Part { page, is_cut });
            }
            None => gathered.missing.push(name),
        }
        gathered.left -= 1;
        if gathered.left == 0
            && let Some(then) = gathered.then.take()
        {
            let (parts, mut missing) =
                (std::mem::take(&mut gathered.parts), std::mem::take(&mut gathered.missing));
            drop(gathered);
            missing.sort();
            then(parts, missing);
        }
    }
}

/// The connections of all parts, as many as a reply should hold; there are `total` in all. `None` if not even
/// the first one fits.
fn join(
    total: u64,
    parts: Parts,
    missing_nodes: Vec<String>,
    limit: usize,
    mut space: Space,
) -> Option<ConnectionPage> {
    for name in &missing_nodes {
        space.take_bytes(name.len());
    }
    let mut joined = ConnectionPage { total, connection: vec![], missing_nodes };
    for Part { page, is_cut } in parts.into_values() {
        for connection in page.connection.into_iter().take(limit - joined.connection.len()) {
            if !space.take(&connection) {
                return (!joined.connection.is_empty()).then_some(joined);
            }
            joined.connection.push(connection);
        }
        if is_cut {
            // What follows would leave a gap.
            break;
        }
    }
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Connection;

    fn part(node: &str, total: u64, ids: std::ops::Range<u64>, is_cut: bool) -> (String, Part) {
        let connection = ids.map(|id| Connection { id, node: node.to_owned(), ..Connection::default() });
        let page = ConnectionPage { total, connection: connection.collect(), missing_nodes: vec![] };
        (node.to_owned(), Part { page, is_cut })
    }

    #[test]
    fn a_page_is_divided_among_the_servers_that_have_it() {
        let totals =
            || [("a", 3), ("b", 0), ("c", 4), ("d", 2)].map(|(name, total)| (name.to_owned(), total));
        for (offset, limit, expected) in [
            (1, 100, vec![("a", 1, 2), ("c", 0, 4), ("d", 0, 2)]),
            (2, 3, vec![("a", 2, 1), ("c", 0, 2)]),
            (3, 4, vec![("c", 0, 4)]),
            (6, 3, vec![("c", 3, 1), ("d", 0, 2)]),
            (9, 3, vec![]),
            (usize::MAX, 3, vec![]),
        ] {
            let questions = questions_for(totals().into(), offset, limit);
            let found: Vec<_> =
                questions.iter().map(|(name, of)| (name.as_str(), of.offset, of.limit)).collect();
            assert_eq!(found, expected, "{limit} from {offset}");
        }
    }

    #[test]
    fn parts_are_joined_without_a_gap() {
        for (name, is_cut, limit, expected) in [
            ("all", false, 100, vec![("a", 0), ("a", 1), ("b", 0), ("b", 1)]),
            ("some", false, 3, vec![("a", 0), ("a", 1), ("b", 0)]),
            ("the first of them cut", true, 100, vec![("a", 0), ("a", 1)]),
        ] {
            let parts = Parts::from([part("b", 2, 0..2, false), part("a", 9, 0..2, is_cut)]);
            let page = join(11, parts, vec!["c".to_owned()], limit, Space::of_answer()).unwrap();
            let found: Vec<_> = page.connection.iter().map(|one| (one.node.as_str(), one.id)).collect();
            assert_eq!(
                (found, page.total, page.missing_nodes),
                (expected, 11, vec!["c".to_owned()]),
                "{name}"
            );
        }
    }
}
