//! Accepts clients from the listeners of a reactor, even when descriptors have run out.

use std::io;

use mio::Token;

use super::sys::accepted::Accepted;
use super::sys::listener::Listener;
use super::sys::poller::Registry;
use super::sys::socket::Socket;
use super::sys::system::{Spare, System};
#[cfg(feature = "tls")]
use super::sys::tls_socket::TlsSocket;
use super::tokens;
use crate::config::{Config, Listen};
use crate::connection_log;
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::record::Peer;
use crate::router::Tools;
#[cfg(feature = "tls")]
use crate::tls::Tls;
use crate::upgrade::Refusal;

/// Milliseconds until accepting is retried after the system lacked resources for it.
const RETRY_MS: u64 = 100;
/// Milliseconds between two log lines about the same lack of resources.
const LOG_EVERY_MS: u64 = 60_000;

#[derive(Debug)]
struct Polled {
    listener: Listener,
    /// Its place in the configuration.
    number: usize,
    /// A client may be waiting that no event will announce.
    ready: bool,
}

/// All listeners of a reactor.
#[derive(Debug)]
pub(super) struct Listeners {
    list: Vec<Polled>,
    /// The certificates for new TCP clients.
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    /// The listener whose turn it is: a rush at one does not hold up the others.
    next: usize,
    /// Whether each listener is closed once no client waits at it.
    is_ending: bool,
    /// No client is accepted until then.
    retry_at: Moment,
    /// Given up when descriptors run out, so that one more client can be accepted and answered.
    spare: Option<Spare>,
    /// Where a spare descriptor comes from.
    system: System,
    /// Descriptors have run out, and this was logged.
    exhausted: bool,
    exhaustion_line: LineLimit,
    failure_line: LineLimit,
    poll_line: LineLimit,
}

/// The time of the last log line of a kind that any client can trigger, and that must not fill the log.
#[derive(Debug, Default)]
struct LineLimit(Option<Moment>);

impl LineLimit {
    /// Whether the line may be logged now. If so, it counts as logged.
    fn may_log(&mut self, now: Moment) -> bool {
        let may = self.0.is_none_or(|at| now.since(at) >= LOG_EVERY_MS);
        if may {
            self.0 = Some(now);
        }
        may
    }
}

impl Listeners {
    pub(super) fn new(
        system: System,
        #[cfg_attr(not(feature = "tls"), expect(unused_variables, reason = "listeners speak no TLS"))] config: &Config,
        opened: Vec<Listener>,
        registry: &Registry,
    ) -> io::Result<Self> {
        let mut list = Vec::with_capacity(opened.len());
        for (index, mut listener) in opened.into_iter().enumerate() {
            listener.register(registry, tokens::of_listener(index))?;
            list.push(Polled { listener, number: index, ready: true });
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
            exhaustion_line: LineLimit::default(),
            failure_line: LineLimit::default(),
            poll_line: LineLimit::default(),
        })
    }

    /// Sets the certificates for new clients.
    #[cfg(feature = "tls")]
    pub(super) fn set_tls(&mut self, tls: Tls) {
        if self.tls.is_some() {
            self.tls = Some(tls);
            log::info!("new clients see the new certificate");
        } else {
            log::warn!("these listeners do not speak TLS: the certificate is not used");
        }
    }

    /// Puts TLS on a socket that has to use it, behind a PROXY header if one comes first. None if the TLS
    /// library fails.
    pub(super) fn secure(&self, socket: Socket, behind_proxy: bool) -> Option<Socket> {
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

    /// Records that a client may wait at a listener, if an event is about one.
    pub(super) fn note(&mut self, token: Token) {
        let polled = tokens::listener_index(token).and_then(|index| self.list.get_mut(index));
        if let Some(polled) = polled {
            polled.ready = true;
        }
    }

    /// When to try accepting without an event.
    pub(super) fn next_at(&self) -> Moment {
        if self.list.iter().any(|polled| polled.ready) { self.retry_at } else { Moment::NEVER }
    }

    /// Descriptors in use, the spare one included.
    pub(super) fn descriptors(&self) -> usize {
        self.list.len() + usize::from(self.spare.is_some())
    }

    /// From now on, closes each listener once no client waits at it. Clients at an inherited listener go on
    /// waiting there, for the next server.
    pub(super) fn accept_the_last(&mut self, registry: &Registry) {
        self.is_ending = true;
        self.list.iter_mut().for_each(|polled| polled.ready = true);
        for inherited in self.list.extract_if(.., |polled| polled.listener.is_inherited()) {
            inherited.listener.close(registry);
        }
    }

    /// Closes all listeners. Clients that wait to be accepted are reset, except at inherited listeners.
    pub(super) fn close(&mut self, registry: &Registry) {
        self.list.drain(..).for_each(|polled| polled.listener.close(registry));
    }

    /// Logs that a socket cannot be polled, unless that was logged a short while ago.
    pub(super) fn log_unpolled(&mut self, id: ConnectionId, error: &io::Error, now: Moment) {
        if self.poll_line.may_log(now) {
            log::warn!("{id}: cannot be polled: {error}");
        }
    }

    pub(super) fn are_closed(&self) -> bool {
        self.list.is_empty()
    }

    /// Tries once to accept a client, at the listeners in turn. Returns also the listener's place in the
    /// configuration.
    pub(super) fn accept<Session>(&mut self, tools: &mut Tools<Session>) -> Option<(Socket, Peer, usize)> {
        let now = tools.now;
        let count = self.list.len();
        let at = (0..count).map(|i| (self.next + i) % count).find(|&at| self.is_ready(at))?;
        self.next = at + 1;
        let polled = self.list.get_mut(at)?;
        let number = polled.number;
        match polled.listener.accept() {
            Accepted::Client(socket, peer) => {
                if std::mem::take(&mut self.exhausted) {
                    log::info!("descriptors are free again");
                }
                if self.spare.is_none() {
                    // Another worker, or another process, may have taken the descriptor.
                    self.spare = self.system.spare();
                }
                return Some((socket, peer, number));
            }
            Accepted::Nobody => self.note_nobody(at),
            Accepted::Lost => {}
            Accepted::Exhausted => self.refuse_with_spare(at, tools),
            Accepted::Failed(error) => {
                if self.failure_line.may_log(now) {
                    log::warn!("accept: {error}; trying again every {RETRY_MS} ms");
                }
                self.retry_at = now.after(RETRY_MS);
            }
        }
        None
    }

    /// Records that no client waits at a listener.
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

    /// Accepts one client in place of the spare descriptor, tells it that the server is full, and closes it.
    /// If that does not help, or the spare descriptor cannot be reopened, accepting pauses for a while.
    fn refuse_with_spare<Session>(&mut self, at: usize, tools: &mut Tools<Session>) {
        let now = tools.now;
        if !self.exhausted && self.exhaustion_line.may_log(now) {
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
                    turn_away(peer, reason, tools);
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

/// Logs and counts a client that is refused before it becomes a connection.
pub(super) fn turn_away<Session>(peer: Peer, reason: &str, tools: &mut Tools<Session>) {
    tools.meter.upgrade_refused(Refusal::Unavailable.status());
    connection_log::turned_away(peer, &mut tools.log, tools.now, Refusal::Unavailable, reason);
}

/// Refuses a client that cannot be kept open while it reads the answer.
fn tell_and_close(mut socket: Socket, refusal: Refusal) {
    if socket.is_handshaking() {
        return;
    }
    let mut response = Vec::new();
    refusal.write(&mut response);
    // Read what the client has sent first: unread bytes would turn the close into a reset, which overtakes
    // the answer. All of this is best effort.
    let _ = socket.read(&mut [0; 4096]);
    let _ = socket.write(&response);
    socket.shutdown_write();
}
