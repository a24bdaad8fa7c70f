//! A reactor that is turned by hand, with a count of the bytes that its thread has allocated and not freed
//! within turns.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use allocation_counter::measure;
use socket2::{Domain, Socket, Type};
use sysconn::{
    Access, Application, Cause, Config, ConnectionId, Context, Effects, Module, Outcome, Push, Reactor,
    Record, Request, Route, Router, Ticket,
};

use crate::common::{PATIENCE, UPGRADE, eventually, packet, upgrade_of};

/// Data → the same.
pub(crate) const ECHO: u16 = 1301;
/// Data → nothing.
pub(crate) const SINK: u16 = 1302;
/// Empty → the answer of `Ground`.
pub(crate) const DEFER: u16 = 1303;
/// A size of 32 bits → pushes with Data of that size, until no more are taken.
pub(crate) const BURST: u16 = 1304;
/// The same, to every other connection, some at a time.
const FILL: u16 = 1305;

pub(crate) struct Game {
    tickets: Vec<Ticket>,
    ids: Vec<ConnectionId>,
}

impl Application for Game {
    type Session = ();

    fn opened(&mut self, context: &mut Context<'_>) {
        self.ids.push(context.id());
    }

    fn closed(&mut self, record: &Record, _: (), _: Cause, _: &mut Effects) {
        self.ids.retain(|id| *id != record.id());
    }
}

static MODULE: Module<Game> = Module::new(
    13,
    "ground",
    [
        Route::new(ECHO, "echo", Access::Anyone, |_, request, context| context.reply(request.data())),
        Route::new(SINK, "sink", Access::Anyone, |_, _, _| Outcome::Done),
        Route::new(DEFER, "defer", Access::Anyone, |game, request, context| {
            game.tickets.push(context.defer(request));
            Outcome::Done
        }),
        Route::new(BURST, "burst", Access::Anyone, |_, request, context| {
            let data = vec![0; size(request)];
            while context.push(BURST, &data).is_ok() {}
            Outcome::Done
        }),
        Route::new(FILL, "fill", Access::Anyone, |game, request, context| {
            let (len, me) = (size(request), context.id());
            for id in game.ids.iter().filter(|id| **id != me) {
                for _ in 0..(256 * 1024_usize).div_ceil(len + 20).min(1000) {
                    context.effects().send(*id, &Push::new(FILL, &vec![0; len]));
                }
            }
            Outcome::Done
        }),
    ],
);
static ROUTER: Router<Game> = Router::new([&MODULE]);

fn size(request: Request<'_>) -> usize {
    u32::from_be_bytes(request.data().try_into().unwrap()) as usize
}

pub(crate) struct Ground {
    reactor: Reactor<Game>,
    address: SocketAddr,
    held: i64,
    peak: i64,
    /// Clients that stay until all are released.
    clients: Vec<TcpStream>,
    helper: Option<TcpStream>,
}

impl Ground {
    pub(crate) fn new(config: &Config) -> Self {
        let game = Game { tickets: Vec::with_capacity(100), ids: Vec::with_capacity(100) };
        let reactor = Reactor::bind(config, &ROUTER, game).unwrap();
        let address = reactor.local_addr().unwrap();
        let mut ground = Ground { reactor, address, held: 0, peak: 0, clients: vec![], helper: None };
        let mut helper = ground.raw();
        ground.upgrade(&mut helper);
        ground.helper = Some(helper);
        // The buffers that all connections share have reached their full size.
        let mut greedy = ground.client();
        ground.send(&mut greedy, &packet(BURST, 0, &0u32.to_be_bytes()));
        ground.keep(greedy);
        ground.let_all_go();
        assert!(ground.held > 0, "a client that comes in is counted, so the counter works");
        ground
    }

    /// Bytes that the reactor has allocated in turns and not freed.
    pub(crate) fn held(&self) -> i64 {
        self.held
    }

    /// The maximum that was held between two turns.
    pub(crate) fn peak(&self) -> i64 {
        self.peak
    }

    pub(crate) fn forget_peak(&mut self) {
        self.peak = self.held;
    }

    pub(crate) fn turn(&mut self) {
        let reactor = &mut self.reactor;
        let counted = measure(|| {
            reactor.turn(Some(Duration::ZERO)).unwrap();
        });
        self.held += counted.bytes_current;
        self.peak = self.peak.max(self.held);
    }

    /// Turns until the reactor is idle.
    pub(crate) fn settle(&mut self) {
        (0..50).for_each(|_| self.turn());
    }

    /// A client with a small receive buffer that has sent nothing.
    pub(crate) fn raw(&mut self) -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.connect(&self.address.into()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true).unwrap();
        self.settle();
        stream
    }

    pub(crate) fn upgrade(&mut self, client: &mut TcpStream) {
        self.upgrade_by(client, UPGRADE);
    }

    /// Upgrades with compression agreed on.
    pub(crate) fn upgrade_compressing(&mut self, client: &mut TcpStream) {
        self.upgrade_by(
            client,
            &upgrade_of("/", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"),
        );
    }

    fn upgrade_by(&mut self, client: &mut TcpStream, request: &[u8]) {
        self.send(client, request);
        assert!(self.read(client, 64 * 1024) > 0, "the upgrade");
    }

    pub(crate) fn client(&mut self) -> TcpStream {
        let mut client = self.raw();
        self.upgrade(&mut client);
        client
    }

    /// Sends the bytes, or as many as the server takes. Returns their number.
    pub(crate) fn send(&mut self, client: &mut TcpStream, bytes: &[u8]) -> usize {
        let (mut sent, mut idle) = (0, 0);
        while sent < bytes.len() && idle < 50 {
            match client.write(&bytes[sent..]) {
                Ok(len) => (sent, idle) = (sent + len, 0),
                Err(error) if error.kind() == ErrorKind::WouldBlock => idle += 1,
                Err(error) => panic!("{error}"),
            }
            self.turn();
        }
        sent
    }

    /// Reads up to that many bytes, or as many as come. Returns their number.
    pub(crate) fn read(&mut self, client: &mut TcpStream, most: usize) -> usize {
        let (mut read, mut idle) = (0, 0);
        let mut buffer = vec![0; 64 * 1024];
        while read < most && idle < 50 {
            let want = (most - read).min(buffer.len());
            match client.read(&mut buffer[..want]) {
                Ok(0) => break,
                Ok(len) => (read, idle) = (read + len, 0),
                Err(error) if error.kind() == ErrorKind::WouldBlock => idle += 1,
                Err(error) => panic!("{error}"),
            }
            self.turn();
        }
        read
    }

    /// Answers the pending requests.
    pub(crate) fn answer(&mut self) {
        self.reactor.act(|game, effects| {
            game.tickets.drain(..).for_each(|ticket| effects.reply(ticket, Vec::new()));
        });
        self.settle();
    }

    /// Has others push to each connection until its outbox takes no more of that size.
    pub(crate) fn fill(&mut self, len: u32) {
        let mut helper = self.helper.take().unwrap();
        let errors = |ground: &mut Ground| {
            let (sender, errors) = std::sync::mpsc::channel();
            let look = move |survey: &sysconn::Survey<'_>| sender.send(survey.totals().send_errors).unwrap();
            ground.settle();
            ground.reactor.handle().survey(look).unwrap();
            // This turn only answers, and the cost of the query does not count for the client.
            let before = (ground.held, ground.peak);
            ground.turn();
            (ground.held, ground.peak) = before;
            errors.recv_timeout(PATIENCE).unwrap()
        };
        let before = errors(self);
        let request = packet(FILL, 0, &len.to_be_bytes());
        eventually("the outbox is full", || {
            self.send(&mut helper, &request);
            errors(self) > before
        });
        self.helper = Some(helper);
    }

    /// Keeps a client until all are released.
    pub(crate) fn keep(&mut self, client: TcpStream) {
        self.clients.push(client);
    }

    /// Ends all clients, and waits until the server has seen it.
    pub(crate) fn let_all_go(&mut self) {
        self.answer();
        for client in self.clients.drain(..) {
            socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
        }
        eventually("the clients have gone", || {
            self.turn();
            self.reactor.state().ids.len() == 1
        });
        self.settle();
    }
}
