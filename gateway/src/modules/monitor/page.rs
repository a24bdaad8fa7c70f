//! Pages of the list of connections.

use prost::Message;
use sysconn::{ClientKind, Context, Snapshot, Survey};

use crate::messages::{self, Connection, monitor};

/// Connections in a page of the list by default.
pub(crate) const DEFAULT_PAGE: usize = 100;
/// The most connections in a page of the list.
pub(crate) const MAX_PAGE: usize = 1000;
/// Bytes after which a page of the list ends early: a quarter of what the outbox takes by default.
const MAX_PAGE_BYTES: usize = sysconn::config::OUTBOX_LIMIT / 4;
/// The most bytes of a page besides its items, those of `total`.
const TOTAL_BYTES: usize = 11;
/// The most bytes of an item besides its message.
const ITEM_BYTES: usize = 4;

/// The bytes that are left for the items of a page.
pub(crate) struct Space(usize);

impl Space {
    /// That of a reply which the outbox is sure to take.
    pub(crate) fn of<T>(context: &Context<'_, T>) -> Self {
        Space(context.reply_capacity().saturating_sub(TOTAL_BYTES).min(MAX_PAGE_BYTES))
    }

    /// That of an answer to another server.
    pub(crate) fn of_answer() -> Self {
        Space(MAX_PAGE_BYTES)
    }

    /// Takes the space of an item. False if it does not fit; then nothing else does.
    pub(crate) fn take(&mut self, item: &impl Message) -> bool {
        self.take_bytes(item.encoded_len())
    }

    pub(super) fn take_bytes(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes.saturating_add(ITEM_BYTES));
        self.0 = left.unwrap_or(0);
        left.is_some()
    }
}

/// The connections that a request asks for, as an offset and a number.
pub(super) fn range(message: &monitor::Connections) -> (usize, usize) {
    let limit = match usize::try_from(message.limit) {
        Ok(0) => DEFAULT_PAGE,
        Ok(limit) => limit.min(MAX_PAGE),
        Err(_) => MAX_PAGE,
    };
    (usize::try_from(message.offset).unwrap_or(usize::MAX), limit)
}

/// Looks at the connections of this server, by worker and then by slot, and puts a page together. `done` gets
/// it, or `None` if not even its first connection fits.
pub(crate) fn look_at_page(
    node: String,
    message: &monitor::Connections,
    space: Space,
    done: impl FnOnce(Option<monitor::ConnectionPage>) + Send + 'static,
) -> impl FnMut(&Survey<'_>) + Send + 'static {
    let (offset, left) = range(message);
    let mut page =
        Page { node, offset, left, space, is_cut: false, message: monitor::ConnectionPage::default() };
    let mut done = Some(done);
    move |survey| {
        page.add(survey);
        if let Some(done) = done.take_if(|_| survey.is_last()) {
            let is_right = !page.is_cut || !page.message.connection.is_empty();
            done(is_right.then(|| std::mem::take(&mut page.message)));
        }
    }
}

/// A page that is being put together.
struct Page {
    /// The name of this server.
    node: String,
    /// Connections that come before it, of the workers that have not been seen yet.
    offset: usize,
    /// Connections that it may still take.
    left: usize,
    space: Space,
    /// Whether one of them did not fit.
    is_cut: bool,
    message: monitor::ConnectionPage,
}

impl Page {
    /// Adds the connections of one worker, as many as belong to it and as a reply should hold.
    fn add(&mut self, survey: &Survey<'_>) {
        self.message.total += survey.len() as u64;
        for snapshot in survey.page(self.offset, self.left) {
            let connection = describe(&self.node, survey, &snapshot);
            if !self.space.take(&connection) {
                (self.left, self.is_cut) = (0, true);
                break;
            }
            self.left -= 1;
            self.message.connection.push(connection);
        }
        self.offset = self.offset.saturating_sub(survey.len());
    }
}

/// The record of a connection as a message.
fn describe(node: &str, survey: &Survey<'_>, snapshot: &Snapshot) -> Connection {
    let record = &snapshot.record;
    let identity = record.identity().unwrap_or_default();
    let custodian = record.custodian().cloned().unwrap_or_default();
    let kind = match record.kind() {
        ClientKind::Guest => messages::Kind::Tester,
        ClientKind::Player => messages::Kind::GameServer,
        ClientKind::Operator => messages::Kind::Monitor,
    };
    Connection {
        id: record.id().to_u64(),
        peer: record.peer().to_string(),
        kind: kind.into(),
        account: identity.account.to_owned(),
        platform: identity.platform.to_owned(),
        zone_id: identity.zone_id,
        role_id: identity.role_id,
        custodian: custodian.account,
        custodian_role_id: custodian.role_id,
        connected_ms: survey.unix_ms(record.connected_at()),
        recv_count: record.recv_count(),
        send_count: record.send_count(),
        error_send: record.error_send(),
        bad_req_count: record.bad_req_count(),
        loop_counter: record.loop_counter().into(),
        outbox_bytes: snapshot.outbox_bytes as u64,
        debug: record.debug(),
        node: node.to_owned(),
    }
}
