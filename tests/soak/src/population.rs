//! All clients at one time, on one thread.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mio::net::{TcpStream, UnixStream};
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

use crate::Result;
use crate::client::{Client, Counts, Heard, Progress, Stream, owed};
use crate::kinds::{KINDS, Maker};
use crate::plan::{Leave, Plan};

/// A client that has not finished by then is stuck.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at clients that may be stuck, and between two requests of each that stays.
const ROUND: Duration = Duration::from_secs(5);
/// Between two reads of a slow reader.
const SIP: Duration = Duration::from_millis(5);
/// Addresses that clients come from: each has its own ports, so they do not run out.
const SOURCES: u64 = 200;
/// One client in this many comes through the Unix socket.
const UNIX_EVERY: u64 = 8;
/// The receive buffer of a slow reader.
const SLOW_BUFFER_BYTES: usize = 4096;
/// The number of failures that are printed.
const MAX_TOLD: usize = 10;

/// Where the server listens.
pub struct Addresses {
    pub tcp: SocketAddr,
    pub unix: PathBuf,
}

pub struct Population {
    poll: Poll,
    addresses: Addresses,
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    slow: Vec<usize>,
    members: Vec<usize>,
    maker: Maker,
    /// Active clients, except those that stay.
    live: usize,
    pub counts: Counts,
    /// Clients begun, by kind.
    pub by_kind: [u64; KINDS.len()],
    pub bad_requests: u64,
    /// The messages that members must have received.
    pub said: u64,
    /// The first failures, and the number of all failures.
    pub failures: (Vec<String>, usize),
    buffer: Vec<u8>,
}

impl Population {
    pub fn new(addresses: Addresses, seed: u64) -> Result<Self> {
        Ok(Population {
            poll: Poll::new()?,
            addresses,
            clients: vec![],
            free: vec![],
            slow: vec![],
            members: vec![],
            maker: Maker::new(seed),
            live: 0,
            counts: Counts::default(),
            by_kind: [0; KINDS.len()],
            bad_requests: 0,
            said: 0,
            failures: (vec![], 0),
            buffer: vec![0; 64 * 1024],
        })
    }

    /// Connects permanent clients, and waits until they are in the room.
    pub fn gather_members(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let plan = self.maker.member();
            let index = self.begin(plan)?;
            self.members.push(index);
        }
        let began = Instant::now();
        while !self.members_are_idle() && began.elapsed() < PATIENCE {
            self.turn()?;
        }
        Ok(())
    }

    /// Keeps `at_once` clients on their way as long as it is asked to `go_on`, then lets all of them end.
    /// Calls `each_round`, every few seconds.
    pub fn run(
        &mut self,
        at_once: usize,
        mut go_on: impl FnMut(u64) -> bool,
        mut each_round: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        let mut next_round = Instant::now() + ROUND;
        let mut begun = 0;
        loop {
            while self.live < at_once && self.failures.1 < MAX_TOLD && go_on(begun) {
                let plan = self.maker.next();
                self.begin(plan)?;
                begun += 1;
            }
            if self.live == 0 {
                break;
            }
            self.turn()?;
            if Instant::now() > next_round {
                next_round += ROUND;
                self.look_for_stuck_ones();
                self.keep_members_talking();
                each_round()?;
            }
        }
        let began = Instant::now();
        self.keep_members_talking();
        while !self.members_are_idle() && began.elapsed() < PATIENCE {
            self.turn()?;
        }
        Ok(())
    }

    /// The messages that each permanent client has received.
    pub fn heard(&self) -> Vec<Heard> {
        self.members.iter().filter_map(|&index| Some(self.clients[index].as_ref()?.heard)).collect()
    }

    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// Makes the permanent clients leave.
    pub fn dismiss_members(&mut self) -> Result<()> {
        let began = Instant::now();
        for index in self.members.clone() {
            if let Some(client) = &mut self.clients[index] {
                client.plan.leave = Leave::Drop;
                client.add(Plan::close, &mut self.counts);
            }
            self.go_on(index, false);
        }
        while self.members() > 0 && began.elapsed() < PATIENCE {
            self.turn()?;
        }
        Ok(())
    }

    fn members_are_idle(&self) -> bool {
        self.members.iter().filter_map(|&index| self.clients[index].as_ref()).all(Client::is_idle)
    }

    fn keep_members_talking(&mut self) {
        for index in self.members.clone() {
            if let Some(client) = &mut self.clients[index] {
                client.add(|plan| plan.echo(b"still here".to_vec()), &mut self.counts);
                client.began = Instant::now();
            }
            self.go_on(index, false);
        }
    }

    fn begin(&mut self, plan: Plan) -> Result<usize> {
        self.counts.owed += owed(&plan);
        self.by_kind[plan.kind] += 1;
        self.bad_requests += plan.bad_requests();
        self.said += plan.says.len() as u64;
        let stream = self.connect(plan.is_slow)?;
        self.counts.begun += 1;
        self.live += usize::from(plan.leave != Leave::Stay);
        let index = self.free.pop().unwrap_or_else(|| {
            self.clients.push(None);
            self.clients.len() - 1
        });
        if plan.is_slow {
            self.slow.push(index);
        }
        let mut client = Client::new(stream, plan);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(client.stream.source(), Token(index), interest)?;
        self.clients[index] = Some(client);
        Ok(index)
    }

    fn connect(&self, is_slow: bool) -> Result<Stream> {
        if self.counts.begun.is_multiple_of(UNIX_EVERY) {
            return Ok(Stream::Unix(UnixStream::connect(&self.addresses.unix)?));
        }
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        let source = Ipv4Addr::new(127, 0, 1, (1 + self.counts.begun % SOURCES) as u8);
        socket.bind(&SocketAddr::from((source, 0)).into())?;
        socket.set_tcp_nodelay(true)?;
        if is_slow {
            socket.set_recv_buffer_size(SLOW_BUFFER_BYTES)?;
        }
        // On the loopback interface this takes no time, and all are connected that are counted as begun.
        socket.connect(&self.addresses.tcp.into())?;
        socket.set_nonblocking(true)?;
        Ok(Stream::Tcp(TcpStream::from_std(socket.into())))
    }

    fn turn(&mut self) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        let timeout = if self.slow.is_empty() { ROUND } else { SIP };
        match self.poll.poll(&mut events, Some(timeout)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            self.go_on(event.token().0, false);
        }
        for index in std::mem::take(&mut self.slow) {
            if self.go_on(index, true) {
                self.slow.push(index);
            }
        }
        Ok(())
    }

    /// Lets a client go on. True if it has more to do.
    fn go_on(&mut self, index: usize, may_sip: bool) -> bool {
        let Some(client) = &mut self.clients[index] else { return false };
        match client.go_on(may_sip, &mut self.buffer, &mut self.counts) {
            Ok(Progress::Waits) => return true,
            Ok(Progress::Done) => {}
            Err(wrong) => {
                let wrong = format!("{}: {wrong}", KINDS[client.plan.kind].name);
                self.fail(wrong);
            }
        }
        self.end(index);
        false
    }

    fn end(&mut self, index: usize) {
        if self.clients[index].take().is_some() {
            self.free.push(index);
            self.slow.retain(|&slow| slow != index);
            let members = self.members.len();
            self.members.retain(|&member| member != index);
            self.live -= usize::from(members == self.members.len());
        }
    }

    fn fail(&mut self, wrong: String) {
        if self.failures.0.len() < MAX_TOLD {
            self.failures.0.push(wrong);
        }
        self.failures.1 += 1;
    }

    fn look_for_stuck_ones(&mut self) {
        for index in 0..self.clients.len() {
            let Some(client) = &self.clients[index] else { continue };
            if client.began.elapsed() > PATIENCE && !client.is_idle() {
                let waits_for = client.plan.exchanges.front().map(|exchange| exchange.expected.front());
                let mut wrong = format!("{}: waits for {waits_for:?}", KINDS[client.plan.kind].name);
                wrong.truncate(300);
                self.fail(wrong);
                self.end(index);
            }
        }
    }
}
