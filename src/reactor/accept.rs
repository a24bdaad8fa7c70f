//! The listeners, and what becomes of the clients that come in through them.

use std::io;

use mio::Token;

use super::admission::Place;
use super::budget::{STEP_BYTES, Step};
use super::core::Core;
use super::ready::Standing;
use super::slots::{Entry, token};
use super::sys::accepted::Accepted;
use super::sys::listener::Listener;
use super::sys::poller::Registry;
use super::sys::socket::Socket;
use super::sys::system::{Spare, System};
#[cfg(feature = "tls")]
use super::sys::tls_socket::TlsSocket;
use crate::cause::Cause;
use crate::config::{Config, Listen};
use crate::conn::{Conn, Draining};
use crate::connection_log;
use crate::id::ConnectionId;
use crate::log_limiter::LogLimiter;
use crate::moment::Moment;
use crate::record::Peer;
use crate::router::Application;
#[cfg(feature = "tls")]
use crate::tls::Tls;
use crate::upgrade::Refusal;

/// Connections that wait to be served at which clients are accepted one by one.
const MANY_READY: usize = 256;
/// Clients accepted in one turn at most.
pub(super) const TURN_ACCEPTS: usize = 16;
/// The same while the server drains, when nothing else is urgent.
pub(super) const TURN_LAST_ACCEPTS: usize = 64;
/// Milliseconds until accepting is tried again after the system had no resources for it.
const RETRY_MS: u64 = 100;
/// Milliseconds between two log lines about the same want of resources.
const COMPLAINT_MS: u64 = 60_000;
/// Tokens of listeners: below the waker's, above every connection's.
const FIRST_LISTENER: usize = usize::MAX - 1;

#[derive(Debug)]
struct Polled {
    listener: Listener,
    /// Somebody may wait to be accepted: no edge is owed for it.
    ready: bool,
}

/// All listeners of a reactor.
#[derive(Debug)]
pub(super) struct Listeners {
    list: Vec<Polled>,
    /// What TCP clients that come in from now on speak TLS with.
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    /// The listener whose turn it is, so that a rush at one does not keep the others waiting.
    next: usize,
    /// Listeners are closed once nobody waits there.
    is_ending: bool,
    /// Not before this is accepting tried again.
    retry_at: Moment,
    /// Given up when descriptors run out, so that one more client can be accepted and told.
    spare: Option<Spare>,
    /// Where another one comes from.
    system: System,
    /// Descriptors have run out, and the log knows.
    exhausted: bool,
    told_of_exhaustion: Told,
    told_of_failure: Told,
    told_of_poll: Told,
}

/// When the log was last told of something that can come again with every client, and must not fill it.
#[derive(Debug, Default)]
struct Told(Option<Moment>);

impl Told {
    /// Whether it may be told now; if so it is taken to have been.
    fn may_tell(&mut self, now: Moment) -> bool {
        let may = self.0.is_none_or(|at| now.since(at) >= COMPLAINT_MS);
        if may {
            self.0 = Some(now);
        }
        may
    }
}

impl Listeners {
    pub(super) fn new(
        system: System,
        config: &Config,
        opened: Vec<Listener>,
        registry: &Registry,
    ) -> io::Result<Self> {
        let mut list = Vec::with_capacity(config.listen.len());
        for (index, mut listener) in opened.into_iter().enumerate() {
            listener.register(registry, Token(FIRST_LISTENER - index))?;
            list.push(Polled { listener, ready: true });
        }
        Ok(Listeners {
            list,
            #[cfg(feature = "tls")]
            tls: config.tls.clone(),
            next: 0,
            is_ending: false,
            retry_at: Moment::START,
            spare: system.spare(),
            system,
            exhausted: false,
            told_of_exhaustion: Told::default(),
            told_of_failure: Told::default(),
            told_of_poll: Told::default(),
        })
    }

    /// Has clients that come in from now on speak TLS with other certificates.
    #[cfg(feature = "tls")]
    pub(super) fn set_tls(&mut self, tls: Tls) {
        if self.tls.is_some() {
            self.tls = Some(tls);
            log::info!("new clients see the new certificate");
        } else {
            log::warn!("these listeners do not speak TLS: the certificate is not used");
        }
    }

    /// Puts TLS on a socket that has to speak it, behind a PROXY header if one comes first. None if that
    /// cannot be had.
    fn secure(&self, socket: Socket, behind_proxy: bool) -> Option<Socket> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls
            && let Socket::Tcp(stream) = socket
        {
            return TlsSocket::new(stream, tls, behind_proxy).map(|socket| Socket::Tls(Box::new(socket)));
        }
        let _ = behind_proxy;
        Some(socket)
    }

    pub(super) fn listening(&self) -> impl Iterator<Item = Listen> {
        self.list.iter().filter_map(|polled| polled.listener.listening())
    }

    /// Whether an event is about a listener; if so it is noted.
    pub(super) fn note(&mut self, token: Token) -> bool {
        let polled = FIRST_LISTENER.checked_sub(token.0).and_then(|index| self.list.get_mut(index));
        polled.is_some_and(|polled| {
            polled.ready = true;
            true
        })
    }

    /// When accepting has to be tried without an event.
    pub(super) fn next_at(&self) -> Moment {
        if self.list.iter().any(|polled| polled.ready) { self.retry_at } else { Moment::NEVER }
    }

    /// Descriptors in use, the spare one included.
    pub(super) fn descriptors(&self) -> usize {
        self.list.len() + usize::from(self.spare.is_some())
    }

    /// Accepts who waits, and nobody else: a listener at which nobody waits any more is closed.
    pub(super) fn accept_the_last(&mut self) {
        self.is_ending = true;
        self.list.iter_mut().for_each(|polled| polled.ready = true);
    }

    /// Closes all of them. Who waits to be accepted is reset.
    pub(super) fn close(&mut self) {
        self.list.clear();
    }

    pub(super) fn are_closed(&self) -> bool {
        self.list.is_empty()
    }

    /// One try to accept, at the listeners in turn. A client if one came in.
    fn accept(&mut self, now: Moment, log: &mut LogLimiter) -> Option<(Socket, Peer)> {
        let count = self.list.len();
        let at = (0..count).map(|i| (self.next + i) % count).find(|&at| self.is_ready(at))?;
        self.next = at + 1;
        let polled = self.list.get_mut(at)?;
        match polled.listener.accept() {
            Accepted::Client(socket, peer) => {
                if std::mem::take(&mut self.exhausted) {
                    log::info!("descriptors are free again");
                }
                if self.spare.is_none() {
                    // Another worker, or another process, may have taken its place.
                    self.spare = self.system.spare();
                }
                return Some((socket, peer));
            }
            Accepted::Nobody => self.note_nobody(at),
            Accepted::Lost => {}
            Accepted::Exhausted => self.refuse_with_spare(at, now, log),
            Accepted::Failed(error) => {
                if self.told_of_failure.may_tell(now) {
                    log::warn!("accept: {error}; trying again every {RETRY_MS} ms");
                }
                self.retry_at = now.after(RETRY_MS);
            }
        }
        None
    }

    /// Nobody waits at a listener.
    fn note_nobody(&mut self, at: usize) {
        if self.is_ending {
            self.list.remove(at);
        } else if let Some(polled) = self.list.get_mut(at) {
            polled.ready = false;
        }
    }

    fn is_ready(&self, at: usize) -> bool {
        self.list.get(at).is_some_and(|polled| polled.ready)
    }

    /// Accepts one client in place of the spare descriptor, tells it that the server is full, and
    /// closes it. Where that does not help, or the spare one can't be had again, accepting rests for a while.
    fn refuse_with_spare(&mut self, at: usize, now: Moment, log: &mut LogLimiter) {
        if !self.exhausted && self.told_of_exhaustion.may_tell(now) {
            self.exhausted = true;
            log::error!("no descriptor is free: clients are refused with 503 until one is");
        }
        let had_spare = self.spare.take().is_some();
        let mut was_of_use = false;
        if let Some(polled) = self.list.get_mut(at).filter(|_| had_spare) {
            let accepted = polled.listener.accept();
            was_of_use = !matches!(accepted, Accepted::Exhausted | Accepted::Failed(_));
            match accepted {
                Accepted::Client(socket, peer) => {
                    let reason = "out of descriptors (the limit of open files)";
                    connection_log::turned_away(peer, log, now, Refusal::Unavailable, reason);
                    if let Some(socket) = self.secure(socket, false) {
                        tell_and_close(socket, Refusal::Unavailable);
                    }
                }
                Accepted::Nobody => self.note_nobody(at),
                Accepted::Lost | Accepted::Exhausted | Accepted::Failed(_) => {}
            }
        }
        self.spare = self.system.spare();
        if self.spare.is_none() || !was_of_use {
            self.retry_at = now.after(RETRY_MS);
        }
    }
}

/// Refuses a client for which there is no room to wait until it has read the answer.
fn tell_and_close(mut socket: Socket, refusal: Refusal) {
    if socket.is_handshaking() {
        return;
    }
    let mut response = Vec::new();
    refusal.write(&mut response);
    // What the client has sent is read first: unread bytes would turn the close into a reset, and
    // the reset overtakes the answer. All of this is best effort.
    let _ = socket.read(&mut [0; 4096]);
    let _ = socket.write(&response);
    socket.shutdown_write();
}

impl<S: Application> Core<S> {
    /// Accepts clients, as many as one turn may, and answers those that were heard for long enough.
    pub(super) fn accept(&mut self) {
        self.accept_some();
        while let Some(id) = self.refusals.unheard() {
            let due = self.slots.get(id).and_then(|entry| entry.conn.refusal_due());
            if let Some(refusal) = due {
                self.refuse(id, refusal);
            }
        }
    }

    /// Tries that bring no client count too.
    fn accept_some(&mut self) {
        let tries = match self.lent.draining {
            Draining::Begun => TURN_LAST_ACCEPTS,
            // They wait, and are not refused: in a moment there is time for them.
            Draining::No | Draining::Announced if self.fan_outs.hold_back_accepts() => return,
            // Clients must not come faster than they can be served.
            Draining::No | Draining::Announced if self.ready.waiting(false) >= MANY_READY => 1,
            Draining::No | Draining::Announced => TURN_ACCEPTS,
        };
        for done in 0..tries {
            if self.listeners.next_at() > self.now || !self.turn.allows(Step::Accept, done) {
                return;
            }
            if let Some((socket, peer)) = self.listeners.accept(self.now, &mut self.lent.tools.log) {
                self.admit(socket, peer);
            }
            self.turn.charge(2 * STEP_BYTES);
        }
    }

    fn admit(&mut self, socket: Socket, peer: Peer) {
        let proxied = self.lent.settings.trusts(peer);
        let Some(socket) = self.listeners.secure(socket, proxied) else { return };
        let is_hop = proxied || self.lent.settings.trusts_headers_of(peer);
        let (mut place, refusal) = match self.enter((!is_hop).then_some(peer)) {
            Ok(place) => (Some(place), None),
            Err(refusal) => (None, Some(refusal)),
        };
        let now = self.now;
        let inserted = self.slots.insert(|id| Entry {
            socket,
            conn: if proxied { Conn::behind_proxy(id, peer, now) } else { Conn::new(id, peer, now) },
            // If something has come already the poll says so: a read now would mostly find nothing.
            readable: false,
            writable: true,
            read_on: false,
            place: place.take(),
            standing: Standing::default(),
            gathered: None,
            dead: false,
        });
        let Some(id) = inserted else {
            let reason = "this worker has no slot left (max-connections, workers)";
            connection_log::turned_away(peer, &mut self.lent.tools.log, now, Refusal::Unavailable, reason);
            if let Some(place) = place {
                self.common.admission.leave(place, peer);
            }
            return;
        };
        if refusal.is_some() {
            self.count_refused(id);
        } else {
            self.lent.tools.totals.accepted += 1;
            self.record_from_the_start(id);
        }
        if self.register(id) {
            match refusal {
                Some(refusal) if self.hears() => {
                    self.hear(id, refusal);
                    self.finish(id);
                }
                Some(refusal) if !self.is_refused_late(id) => self.refuse(id, refusal),
                Some(_) | None => self.finish(id),
            }
        }
    }

    /// Lets a client in and counts it, or says why not.
    fn enter(&self, client: Option<Peer>) -> Result<Place, Refusal> {
        if self.lent.draining == Draining::Begun {
            return Err(Refusal::Unavailable);
        }
        self.common.admission.enter(client)
    }

    /// Counts a client that is refused. If there are too many, the first of them ends, unless the server drains: then
    /// only descriptors, and the time for it, bound them.
    fn count_refused(&mut self, id: ConnectionId) {
        if let Some(first) = self.refusals.begin(id)
            && self.lent.draining != Draining::Begun
            && let Some(entry) = self.slots.get_mut(first)
        {
            entry.conn.abort(Cause::Dropped);
            self.finish(first);
        }
    }

    /// Whether a client that is refused is told so once its TLS handshake is complete. That can cost a signature, which
    /// a full server does not spend on those that it refuses, and one that drains does.
    fn is_refused_late(&self, id: ConnectionId) -> bool {
        self.lent.draining == Draining::Begun
            && self.slots.get(id).is_some_and(|entry| entry.socket.answers_later())
    }

    /// Whether the request of a client that is to be refused is read first.
    pub(super) fn hears(&self) -> bool {
        self.lent.settings.health_path.is_some() && self.lent.draining != Draining::Begun
    }

    /// Has a client that is to be refused say first what it wants: a health check is answered all the same.
    pub(super) fn hear(&mut self, id: ConnectionId, refusal: Refusal) {
        if let Some(entry) = self.slots.get_mut(id) {
            entry.conn.hear(refusal, self.now);
            self.refusals.hear(id);
        }
    }

    /// A client that was let in is only answered: its place is free for another.
    pub(super) fn vacate(&mut self, id: ConnectionId) {
        let Some(entry) = self.slots.get_mut(id) else { return };
        let Some(place) = entry.place.take() else { return };
        self.common.admission.leave(place, entry.conn.record.peer());
        self.lent.tools.totals.closed += 1;
        self.count_refused(id);
    }

    fn register(&mut self, id: ConnectionId) -> bool {
        let Some(entry) = self.slots.get_mut(id) else { return false };
        match entry.socket.register(&self.registry, token(id)) {
            Ok(()) => true,
            Err(error) => {
                if self.listeners.told_of_poll.may_tell(self.now) {
                    log::warn!("{id}: cannot be polled: {error}");
                }
                entry.conn.abort(Cause::Reset);
                self.finish(id);
                false
            }
        }
    }

    fn refuse(&mut self, id: ConnectionId, refusal: Refusal) {
        let start = self.lent.tools.out.len();
        self.with(id, start, 0, |entry, env| entry.conn.refuse(refusal, env));
        self.settle(id, start);
    }
}
