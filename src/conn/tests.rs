//! Connections under a virtual clock: no socket, no sleep, exact times. The tests share this file.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

mod closing;
#[cfg(all(feature = "deflate", feature = "zlib"))]
mod compressing;
mod deferral;
mod endings;
mod handlers;
mod held;
#[cfg(all(feature = "deflate", feature = "zlib"))]
mod inflating;
mod large_messages;
mod log_lines;
mod logins;
mod messages;
mod reading;
mod recorded;
mod requests;
mod results;
mod short_packets;
mod stalls;
mod timers;
mod too_large;
mod upgrades;
mod waiting;

use super::inbox::Inbox;
use super::phase::Phase;
use super::*;
use crate::cause::Cause;
use crate::config::{Config, Liveness};
use crate::frame::{Decoder, Event, MessageKind, Opcode, Role, Rules, push_masked_frame};
use crate::id::ConnectionId;
use crate::mailbox::{Answer, Mailbox};
use crate::moment::Moment;
use crate::packet::{Reply, Request as Packet, Undecodable, push_request};
use crate::push::Push;
use crate::record::{Identity, Login};
use crate::record::{Peer, Record};
use crate::router::{Access, Application, Context, Module, Outcome, Request, Route, Router, Service};
use crate::upgrade::{self, Refusal};

/// An application that keeps its tickets, so that nobody answers, and a log of its hooks' calls. A test can
/// add to what a hook does.
#[derive(Default)]
struct State {
    tickets: Vec<crate::handle::Ticket>,
    /// The action of the route CALL.
    call: Option<fn(&mut State, Request<'_>, &mut Context<'_>) -> Outcome>,
    upgrade: Option<fn() -> Result<(), Refusal>>,
    open: Option<fn(&mut Context<'_>)>,
    offence: Option<fn()>,
    /// Notes of handlers for the test.
    noted: Vec<String>,
    offences: Vec<Undecodable>,
}

impl Application for State {
    type Session = ();

    fn upgrade(&mut self, request: &upgrade::Request<'_>, peer: Peer) -> Result<(), Refusal> {
        self.noted.push(format!("{} from {peer}", request.path()));
        self.upgrade.map_or(Ok(()), |upgrade| upgrade())
    }

    fn opened(&mut self, context: &mut Context<'_>) {
        if let Some(open) = self.open {
            open(context);
        }
    }

    fn offence(&mut self, _: &Record, _: &mut (), offence: Undecodable) {
        self.offences.push(offence);
        if let Some(hook) = self.offence {
            hook();
        }
    }
}

fn call(state: &mut State, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    state.call.map_or(Outcome::Done, |call| call(state, request, context))
}

fn echo(_: &mut State, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    context.reply(request.data())
}

fn farewell(_: &mut State, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let _ = context.reply(request.data());
    let _ = context.reply(b"between");
    let _ = context.reply(request.data());
    Outcome::Close(crate::frame::CloseCode::new(4100).unwrap())
}

fn login(_: &mut State, _: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let identity = Identity { role_id: 7, ..Identity::default() };
    context.login(Login { identity, ..Login::default() }).unwrap();
    Outcome::Done
}

fn logout(_: &mut State, _: Request<'_>, context: &mut Context<'_>) -> Outcome {
    context.logout();
    Outcome::Done
}

fn defer(state: &mut State, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    state.tickets.push(context.defer(request));
    Outcome::Done
}

const ECHO: u16 = 100;
const LOGIN: u16 = 101;
const LOGOUT: u16 = 102;
const DEFER: u16 = 103;
const FAREWELL: u16 = 104;
const CALL: u16 = 105;
const WATCH: u16 = 106;

static MODULE: Module<State> = Module::new(
    1,
    "test",
    [
        Route::new(ECHO, "echo", Access::Anyone, echo),
        Route::new(FAREWELL, "farewell", Access::Anyone, farewell),
        Route::new(LOGIN, "login", Access::Anyone, login),
        Route::new(LOGOUT, "logout", Access::Role, logout),
        Route::new(DEFER, "defer", Access::Anyone, defer),
        Route::new(CALL, "call", Access::Anyone, call),
        Route::new(WATCH, "watch", Access::Operator, echo),
    ],
);
static ROUTER: Router<State> = Router::new([&MODULE]);

const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// A connection, the time, and a client that reads everything that is written.
struct Rig {
    conn: Conn,
    env: Env<State>,
    now: Moment,
    decoder: Decoder,
    /// Whether the socket takes output.
    takes: bool,
    /// The socket's report.
    line: SocketReport,
    /// When the sending side was to be shut down.
    shutdowns: Vec<u64>,
    upgraded: bool,
    /// Everything that the client received, with times.
    seen: Vec<(u64, String)>,
    /// The messages that the client received, and whether they came compressed.
    messages: Vec<(MessageKind, bool, Vec<u8>)>,
}

impl Rig {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        Rig::serving(Service::Packets(&ROUTER), change)
    }

    fn serving(service: Service<State>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        // As the program has them.
        (config.timers.client_check, config.timers.account_check) =
            (Some(Duration::from_secs(60)), Some(Duration::from_secs(300)));
        change(&mut config);
        config.validate().unwrap();
        Rig {
            conn: Conn::new(ConnectionId::new(0, 1, 1), Peer::Local, Moment::START),
            env: Env::new(
                &config,
                service,
                State::default(),
                None,
                Arc::new(Mailbox::new(16, Box::new(|| {}))),
            ),
            now: Moment::START,
            decoder: Decoder::new(),
            takes: true,
            line: SocketReport { unacknowledged: Some(0), taken: 0, is_idle: true },
            shutdowns: vec![],
            upgraded: false,
            seen: vec![],
            messages: vec![],
        }
    }

    fn open(change: impl FnOnce(&mut Config)) -> Self {
        Rig::new(change).opened()
    }

    /// The connection, once its upgrade is complete.
    fn opened(mut self) -> Self {
        self.feed(UPGRADE);
        assert!(self.upgraded);
        self
    }

    fn with<R>(&mut self, call: impl FnOnce(&mut Conn, &mut Env<State>) -> R) -> R {
        self.with_input(&mut [], |conn, env, _| call(conn, env))
    }

    fn with_input<R>(
        &mut self,
        input: &mut [u8],
        call: impl FnOnce(&mut Conn, &mut Env<State>, &mut [u8]) -> R,
    ) -> R {
        self.env.tools.now = self.now;
        self.env.input_len = input.len();
        self.env.frames_left = 1000;
        self.env.socket_report = self.conn.asks_for_report().then_some(self.line);
        let result = call(&mut self.conn, &mut self.env, input);
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let (out, held) = (std::mem::take(&mut self.env.tools.write_buffer.bytes), self.conn.last_payload());
        let borrowed = std::mem::take(&mut self.env.tools.write_buffer.borrowed);
        let count = OutputSlices { out: &out, borrowed: &borrowed, input, held }.slices(0, &mut slices);
        let mut out: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
        if self.takes && self.conn.outbox.is_empty() {
            self.conn.handle_written(0, self.now, &self.env.settings);
            self.note(&mut out);
        } else {
            self.conn.outbox.push_unwritten(&out, 0);
        }
        self.flush();
        result
    }

    /// Lets the connection compress, slice by slice, until nothing is left.
    #[cfg(feature = "deflate")]
    fn compress(&mut self) {
        while self.compress_slice() {}
    }

    /// One slice. False if there was none.
    #[cfg(feature = "deflate")]
    fn compress_slice(&mut self) -> bool {
        while let Some((_, lease)) = self.env.tools.leases.next() {
            self.conn.take_lease(lease);
        }
        let has_job = self.conn.has_job();
        if has_job {
            self.with(|conn, env| conn.go_on_compressing(env));
            if self.takes {
                self.write_outbox();
            }
        }
        has_job
    }

    /// Writes the ready output.
    #[cfg(feature = "deflate")]
    fn write_outbox(&mut self) {
        while self.conn.outbox.is_ready() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = self.conn.outbox.slices(&mut slices, usize::MAX);
            let mut bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).collect();
            self.conn.handle_written(0, self.now, &self.env.settings);
            self.conn.outbox.advance(bytes.len());
            self.note(&mut bytes);
        }
        self.flush();
    }

    /// Reports that all output has been written or queued.
    fn flush(&mut self) {
        if self.conn.handle_flushed(self.now) {
            self.shutdowns.push(self.now.as_ms());
        }
    }

    fn note(&mut self, out: &mut [u8]) {
        let mut out = out;
        if !self.upgraded && !out.is_empty() {
            let head = String::from_utf8_lossy(out).into_owned();
            self.upgraded = head.starts_with("HTTP/1.1 101 ");
            self.seen.push((self.now.as_ms(), head[9..12].into()));
            let end = head.find("\r\n\r\n").unwrap() + 4;
            out = if self.upgraded { &mut out[end..] } else { &mut [] };
        }
        let rules = Rules { role: Role::Client, max_len: 1 << 20, text: true, deflate: true };
        while let Some(event) = self.decoder.next(&mut out, &rules).unwrap() {
            let what = match event {
                Event::Message { kind, compressed, payload } => {
                    self.messages.push((kind, compressed, payload.to_vec()));
                    format!("packet {}", payload.len().saturating_sub(11))
                }
                Event::Ping(_) => "ping".into(),
                Event::Pong(_) => "pong".into(),
                Event::Close(close) => format!("close {}", close.unwrap().code),
            };
            self.seen.push((self.now.as_ms(), what));
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        let mut used = 0;
        let mut progress = Progress::Flush;
        while progress == Progress::Flush || (progress == Progress::Wait && self.conn.inflates()) {
            (progress, used) = self.with_input(&mut bytes, |conn, env, input| {
                let mut rest = &mut input[used..];
                (conn.handle_bytes(&mut rest, env), env.input_len - rest.len())
            });
        }
        self.conn.keep(&bytes[used..]);
    }

    fn frame(&mut self, opcode: Opcode, payload: &[u8]) {
        let mut bytes = vec![];
        push_masked_frame(&mut bytes, true, opcode, [1, 2, 3, 4], payload);
        self.feed(&bytes);
    }

    fn request(&mut self, cmd: u16, data: &[u8]) {
        let mut packet = vec![];
        push_request(&mut packet, &Packet { data_status: 0, flag: 0, cmd, data });
        self.frame(Opcode::Binary, &packet);
    }

    /// Lets time pass as the reactor does: from deadline to deadline.
    fn pass_until(&mut self, end_ms: u64) {
        let end = Moment::from_ms(end_ms);
        while self.conn.next_deadline(&self.env.settings) <= end && self.conn.cause().is_none() {
            self.now = self.now.max(self.conn.next_deadline(&self.env.settings));
            self.with(|conn, env| conn.handle_timeout(env));
        }
        self.now = end;
    }

    /// The packets that the client received.
    fn replies(&self) -> Vec<Reply<'_>> {
        self.messages.iter().map(|(_, _, message)| Reply::parse(message).unwrap()).collect()
    }

    /// Sends a request to a handler that calls `call`.
    fn call(&mut self, data: &[u8], call: fn(&mut State, Request<'_>, &mut Context<'_>) -> Outcome) {
        self.env.state.call = Some(call);
        self.request(CALL, data);
    }

    fn closes(&self) -> Vec<(u64, &str)> {
        self.seen
            .iter()
            .filter(|(_, what)| what.starts_with("close"))
            .map(|(at, what)| (*at, what.as_str()))
            .collect()
    }
}
