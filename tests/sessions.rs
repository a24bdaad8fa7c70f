//! Sessions, over real sockets: the one that `upgrade` makes reaches the hooks and handlers of its
//! connection, and it is dropped once, also where the upgrade or a hook fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use common::{Client, Counted, Counts, SHORT, config, message, packet, upgrade_of, with};
use sysconn::frame::Opcode;
use sysconn::packet::{ErrorId, Undecodable};
use sysconn::upgrade::{self, Refusal};
use sysconn::{
    Access, Application, Cause, Context, Effects, Identity, Login, Module, Outcome, Peer, Reactor, Record,
    Request, Route, Router, ServerHandle, Workers, handler,
};

/// What a client has done so far, beginning with the path that it asked for.
#[derive(Default)]
struct Session {
    deeds: String,
    _counted: Counted,
}

struct Game {
    counts: Counts,
    closed: Sender<(String, Cause)>,
}

impl Application for Game {
    type Session = Session;

    fn upgrade(&mut self, request: &upgrade::Request<'_>, _: Peer) -> Result<Session, Refusal> {
        let session = Session { deeds: request.path().to_owned(), _counted: self.counts.session() };
        assert!(session.deeds != "/panic-in-upgrade", "as the test asked");
        if session.deeds == "/refused" { Err(Refusal::Application(451)) } else { Ok(session) }
    }

    fn opened(&mut self, context: &mut Context<'_, Session>) {
        context.session_mut().deeds += " opened";
        assert!(!context.session().deeds.starts_with("/panic-in-opened"), "as the test asked");
    }

    fn replaced(&mut self, _: &Record, session: &mut Session, _: &mut Effects) {
        session.deeds += " replaced";
    }

    fn offence(&mut self, _: &Record, session: &mut Session, offence: Undecodable) {
        session.deeds += &format!(" {offence:?}");
    }

    fn closed(&mut self, _: &Record, session: Session, cause: Cause, _: &mut Effects) {
        let deeds = session.deeds.clone();
        // Others are dropped before the test hears of it.
        let kept = deeds.starts_with("/panic-in-closed").then_some(session);
        self.closed.send((deeds, cause)).unwrap();
        assert!(kept.is_none(), "as the test asked");
    }
}

/// Data → everything that the client has done, this included.
const DO: u16 = 2001;
/// For a client that has done `this`: everything that it has done.
const AFTER_THIS: u16 = 2002;
const LOGIN: u16 = 2003;
const PANIC: u16 = 2004;

static DEEDS: Module<Game> = Module::new(
    20,
    "deeds",
    [
        Route::new(DO, "do", Access::Anyone, handler!(act)),
        Route::new(
            AFTER_THIS,
            "after",
            Access::If(|_, session: &Session| session.deeds.contains("this")),
            handler!(act),
        ),
        Route::new(LOGIN, "login", Access::Anyone, handler!(login)),
        Route::new(PANIC, "panic", Access::Anyone, |_, _, _| panic!("as the test asked")),
    ],
);
static ROUTES: Router<Game> = Router::new([&DEEDS]);

fn act(_: &mut Game, request: Request<'_>, context: &mut Context<'_, Session>) -> Result<String, ErrorId> {
    let deed = str::from_utf8(request.data()).map_err(|_| ErrorId(100))?;
    let session = context.session_mut();
    session.deeds += deed;
    Ok(session.deeds.clone())
}

fn login(_: &mut Game, _: Request<'_>, context: &mut Context<'_, Session>) -> Result<Outcome, ErrorId> {
    let identity = Identity { role_id: 7, ..Identity::default() };
    context.login(Login { identity, ..Login::default() })?;
    Ok(Outcome::Done)
}

struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    thread: JoinHandle<std::io::Result<()>>,
}

/// A server of two workers, so that sessions are found on each.
fn serve(counts: &Counts, closed: &Sender<(String, Cause)>) -> Server {
    let config = with(config(), |config| (config.workers, config.timers.close) = (2, SHORT));
    let game = |_| Game { counts: counts.clone(), closed: closed.clone() };
    let mut workers = Workers::bind(&config, &ROUTES, game).unwrap();
    let (address, handle) = (workers.local_addr().unwrap(), workers.handle());
    Server { address, handle, thread: std::thread::spawn(move || workers.run()) }
}

fn connect(server: &Server, path: &str) -> Client {
    let mut client = Client::raw(server.address);
    client.send(&upgrade_of(path, ""));
    client.read_upgraded();
    client
}

fn done(client: &mut Client, cmd: u16, deed: &str) -> (u16, String) {
    client.send_packet(cmd, 1, deed.as_bytes());
    let reply = client.reply();
    (reply.error_id, String::from_utf8(reply.data).unwrap())
}

/// What a client does, and what its session says when the connection has ended; none if it did not open.
type Case = (fn(&Server), Option<(&'static str, Cause)>);

#[test]
fn each_session_is_dropped_once_wherever_its_connection_ends() {
    let undecodable = Cause::Undecodable(Undecodable::UnknownStatus);
    let cases: [Case; 8] = [
        (|server| drop(refused(server, "/refused", 451)), None),
        (|server| drop(refused(server, "/panic-in-upgrade", 500)), None),
        (
            |server| connect(server, "/panic-in-opened").expect_close(1011, "opened"),
            Some(("/panic-in-opened opened", Cause::HandlerFailed)),
        ),
        (
            |server| drop(connect(server, "/panic-in-closed")),
            Some(("/panic-in-closed opened", Cause::PeerGone)),
        ),
        (
            |server| {
                let mut client = connect(server, "/panics");
                client.send(&packet(PANIC, 1, b""));
                client.expect_close(1011, "handler");
            },
            Some(("/panics opened", Cause::HandlerFailed)),
        ),
        (
            |server| {
                let mut client = connect(server, "/offends");
                client.send(&common::frame(Opcode::Binary, &message(DO, 1, 7, b"x")));
                client.expect_close(4001, "offence");
            },
            Some(("/offends opened UnknownStatus", undecodable)),
        ),
        (
            |server| {
                let mut older = connect(server, "/older");
                older.send_packet(LOGIN, 1, b"");
                assert_eq!(done(&mut older, DO, " waits").1, "/older opened waits");
                let mut newer = connect(server, "/newer");
                newer.send_packet(LOGIN, 1, b"");
                older.expect_close(4007, "replaced");
                // It stays until the drain, so that the older one ends first.
                std::mem::forget(newer);
            },
            Some(("/older opened waits replaced", Cause::Replaced)),
        ),
        (
            |server| {
                let mut client = connect(server, "/drained");
                server.handle.drain();
                client.expect_close(1001, "drain");
            },
            Some(("/drained opened", Cause::GoingAway)),
        ),
    ];
    for (at, (act, expected)) in cases.into_iter().enumerate() {
        let (counts, (sender, closed)) = (Counts::default(), channel());
        let server = serve(&counts, &sender);
        act(&server);
        let first = expected.map(|_| closed.recv_timeout(common::PATIENCE).unwrap());
        let first = first.as_ref().map(|(deeds, cause)| (deeds.as_str(), *cause));
        assert_eq!(first, expected, "case {at}");
        server.handle.drain();
        server.thread.join().unwrap().unwrap();
        let (made, dropped) = counts.get();
        assert!(made > 0 && made == dropped, "case {at}: {made} made, {dropped} dropped");
        let opened = if expected.is_some() { made } else { 0 };
        assert_eq!(closed.try_iter().count() + usize::from(expected.is_some()), opened, "case {at}");
    }
}

/// The client that was refused with this status.
fn refused(server: &Server, path: &str, status: u16) -> Client {
    let mut client = Client::raw(server.address);
    client.send(&upgrade_of(path, ""));
    assert_eq!(client.read_refusal().0, status);
    client
}

#[test]
fn a_session_belongs_to_one_connection_and_is_gone_with_it() {
    let (counts, (sender, closed)) = (Counts::default(), channel());
    let server = serve(&counts, &sender);
    let mut clients: Vec<_> = (0..20).map(|number| connect(&server, &format!("/{number}"))).collect();
    for round in 1..=3 {
        for (number, client) in clients.iter_mut().enumerate() {
            let expected = format!("/{number} opened{}", " +".repeat(round));
            assert_eq!(done(client, DO, " +"), (0, expected));
        }
    }
    // Their slots are used again, with new sessions.
    for client in clients.drain(5..) {
        drop(client);
        closed.recv_timeout(common::PATIENCE).unwrap();
    }
    assert_eq!(counts.get(), (20, 15));
    for number in 20..40 {
        let mut client = connect(&server, &format!("/{number}"));
        assert_eq!(done(&mut client, DO, " -"), (0, format!("/{number} opened -")));
    }
    assert_eq!(done(&mut clients[0], DO, " =").1, "/0 opened + + + =");
    drop(clients);
    server.handle.drain();
    server.thread.join().unwrap().unwrap();
    assert_eq!(counts.get(), (40, 40));
}

#[test]
fn a_predicate_sees_the_session() {
    let (counts, (sender, _closed)) = (Counts::default(), channel());
    let server = serve(&counts, &sender);
    let mut client = connect(&server, "/");
    assert_eq!(done(&mut client, AFTER_THIS, "!"), (3, String::new()));
    assert_eq!(done(&mut client, DO, " this").0, 0);
    assert_eq!(done(&mut client, AFTER_THIS, "!"), (0, "/ opened this!".to_owned()));
    drop(client);
    server.handle.drain();
    server.thread.join().unwrap().unwrap();
}

#[test]
fn a_reactor_that_is_dropped_returns_its_sessions() {
    let (counts, (closed, ended)): (_, (_, Receiver<_>)) = (Counts::default(), channel());
    let game = Game { counts: counts.clone(), closed };
    let mut reactor = Reactor::bind(&config(), &ROUTES, game).unwrap();
    let mut clients =
        [Client::raw(reactor.local_addr().unwrap()), Client::raw(reactor.local_addr().unwrap())];
    clients[0].send(&upgrade_of("/open", ""));
    clients[1].send(&upgrade_of("/half", "")[..20]);
    common::eventually("one has opened, and both are there", || {
        reactor.turn(Some(std::time::Duration::ZERO)).unwrap();
        counts.get().0 == 1 && reactor.connections() == 2
    });
    assert_eq!(counts.get(), (1, 0));
    drop(reactor);
    assert_eq!(counts.get(), (1, 1));
    assert_eq!(ended.iter().collect::<Vec<_>>(), [("/open opened".to_owned(), Cause::Dropped)]);
}
