//! The embedder's side: the application's state with its hooks, and the service for its clients.

use super::access::Access;
use super::context::Context;
use super::effects::Effects;
use super::outcome::Outcome;
use super::table::{Handler, Route, Router};
use super::tick::Tick;
use crate::cause::Cause;
use crate::packet::{Cipher, Undecodable};
use crate::record::{Peer, Record};
use crate::upgrade::{self, Refusal};

pub use crate::frame::MessageKind;

/// The application's state. Handlers get it mutably, one at a time, on the reactor's thread.
///
/// Every hook has a default that does nothing. A panic in a hook of a connection is caught and logged; the
/// state stays as the panic left it. If [`upgrade`](Self::upgrade) panics, the client gets a 500; if
/// [`opened`](Self::opened) does, the connection closes with 1011, as after a panic of a handler. A panic in
/// another hook has no effect on the connection, which is ending anyway.
///
/// [`upgrade`](Self::upgrade) returns what belongs to a connection: its [`Session`](Self::Session). The other
/// hooks and the handlers for that connection get it, and [`closed`](Self::closed) takes it back. It is
/// dropped exactly once, however the connection ends.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the state of an application: it does not implement `Application`",
    label = "not the state of an application",
    note = "all hooks have defaults: `impl sysconn::Application for {Self} {{ type Session = (); }}`"
)]
pub trait Application: 'static {
    /// What belongs to one connection: `()` where there is nothing, which takes no memory.
    ///
    /// The default is the session of a connection whose [`upgrade`](Self::upgrade) does not make one.
    type Session: Default + 'static;

    /// Accepts or refuses an upgrade request that has passed all other checks. Returns the session of the
    /// connection, which then opens.
    ///
    /// # Errors
    /// The refusal that the client gets instead of the upgrade.
    fn upgrade(&mut self, request: &upgrade::Request<'_>, peer: Peer) -> Result<Self::Session, Refusal> {
        let _ = (request, peer);
        Ok(Self::Session::default())
    }

    /// A connection has opened. Output of this hook follows the 101 response.
    fn opened(&mut self, context: &mut Context<'_, Self::Session>) {
        let _ = context;
    }

    /// A connection has ended, and returns its session. Called exactly once for each connection that was
    /// [`opened`](Self::opened).
    ///
    /// If [`replaced`](Self::replaced) was called for it, the cause is [`Cause::Replaced`], even where the
    /// connection was closing for another reason already (the log and the Close frame have that one). The
    /// newer connection plays the role of its record now: do not take that player out of the game.
    fn closed(&mut self, record: &Record, session: Self::Session, cause: Cause, effects: &mut Effects) {
        let _ = (record, session, cause, effects);
    }

    /// A newer connection has logged in with the role of this one, which closes with 4007 unless it is
    /// closing already.
    ///
    /// [`closed`](Self::closed) follows with [`Cause::Replaced`] when it has ended. The newer connection may
    /// be on another worker, and may have logged out or ended since; this one may have logged out, or in with
    /// another role. Called at most once for each connection.
    ///
    /// [`Effects::topics_of`] still says what the older connection had, although the newer one may have taken
    /// it over by now ([`Login::take_topics`](crate::Login::take_topics)).
    fn replaced(&mut self, record: &Record, session: &mut Self::Session, effects: &mut Effects) {
        let _ = (record, session, effects);
    }

    /// A client sent Data that cannot be decoded, which no correct client does. Its connection then closes
    /// with 4001.
    ///
    /// A game can block the account or the address here.
    fn offence(&mut self, record: &Record, session: &mut Self::Session, offence: Undecodable) {
        let _ = (record, session, offence);
    }

    /// The cipher for Data of DataStatus 2. Asked once, when the listeners of this state's reactor are bound;
    /// a panic here is not caught. Without one such Data closes the connection with 4001.
    fn cipher(&mut self) -> Option<Box<dyn Cipher>> {
        None
    }

    /// The server is about to drain: time to save what must not get lost, and to tell the players.
    ///
    /// Called once on each worker, when the drain is announced: before
    /// [`Drain::delay`](crate::config::Drain::delay) begins, and before the first client is closed. What it
    /// sends reaches clients of its own worker before their Close frames. A panic in it does not stop the
    /// drain.
    fn draining(&mut self, effects: &mut Effects) {
        let _ = effects;
    }

    /// A point of the grid of [`Config::tick`](crate::Config::tick) has come: time to advance the world.
    ///
    /// A turn calls it after it has handled what clients and other threads have sent, once at most. Its time
    /// counts like a handler's: every client of this worker waits. Its effects go out with this turn, and
    /// those for which the turn has no time with the next ones. Ticks go on while the server drains, until
    /// all workers have drained. After a panic in it, ticks go on as well.
    fn tick(&mut self, tick: Tick, effects: &mut Effects) {
        let _ = (tick, effects);
    }
}

/// A message as it was received, for a service without packets.
#[derive(Debug)]
pub struct Message<'a> {
    /// Text or binary.
    pub kind: MessageKind,
    /// The payload; valid UTF-8 if it is text.
    pub payload: &'a [u8],
}

/// A function that handles the messages of a service without packets.
pub type MessageHandler<S> =
    fn(&mut S, Message<'_>, &mut Context<'_, <S as Application>::Session>) -> Outcome;

/// What clients may send, and the code that handles it.
#[non_exhaustive]
pub enum Service<S: Application> {
    /// Packets in binary messages, for the routes of a table. A text message closes the connection with 1003.
    Packets(&'static Router<S>),
    /// Packets with any command, for one function: for scripts, proxies and other languages.
    ///
    /// Packets, DataStatus, bad packets, limits and refusals are those of a table in which every command has
    /// a route for [`Access::Anyone`]; the function decides what a client may do, and refuses commands that
    /// it does not know. Recordings hold the Data of all commands.
    ///
    /// ```
    /// use sysconn::{Application, Context, Outcome, Request, Service, packet::ErrorId};
    ///
    /// /// Runs a script for each command that has one.
    /// struct Scripts;
    ///
    /// impl Application for Scripts {
    ///     type Session = ();
    /// }
    ///
    /// fn run(_: &mut Scripts, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    ///     match request.cmd() {
    ///         1001 => context.reply(request.data()),
    ///         _ => Outcome::Refuse(ErrorId::UNKNOWN_COMMAND),
    ///     }
    /// }
    ///
    /// let service = Service::Any(run);
    /// # let _ = service;
    /// ```
    Any(Handler<S>),
    /// Text and binary messages, for one function: plain RFC 6455.
    Messages(MessageHandler<S>),
}

impl<S: Application> Service<S> {
    /// Whether binary messages are packets.
    pub(crate) fn has_packets(&self) -> bool {
        match self {
            Service::Packets(_) | Service::Any(_) => true,
            Service::Messages(_) => false,
        }
    }

    /// The route of a command, if it has one.
    pub(crate) fn route(&self, cmd: u16) -> Option<Route<S>> {
        match *self {
            Service::Packets(router) => router.find(cmd).copied(),
            Service::Any(handler) => Some(Route::new(cmd, "any", Access::Anyone, handler)),
            Service::Messages(_) => None,
        }
    }

    /// Whether the route of a command is [secret](Route::secret).
    pub(crate) fn is_secret(&self, cmd: u16) -> bool {
        self.route(cmd).is_some_and(|route| route.is_secret())
    }

    /// Whether Data under this command must not be recorded: its route is secret, or the command has no route
    /// and the Data may be meant for another command.
    pub(crate) fn hides(&self, cmd: u16) -> bool {
        self.has_packets() && self.route(cmd).is_none_or(|route| route.is_secret())
    }
}

impl<S: Application> Clone for Service<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Application> Copy for Service<S> {}

impl<S: Application> From<&'static Router<S>> for Service<S> {
    fn from(router: &'static Router<S>) -> Self {
        Service::Packets(router)
    }
}
