//! The club on threads of its own, and clients on each of its workers.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use sysconn::{Config, ConnectionId, Effects, ServerHandle, Totals, Worker, Workers};

use super::club::{CLUB, COUNT, Club, ECHO, ID, LOGIN, PUSHED, SUBSCRIBE, TOPICS, UNSUBSCRIBE};
use super::common::{Client, PATIENCE, Reply, config, with};

/// Drained and joined when it is dropped; a failure of it fails the test.
pub(crate) struct Server {
    address: SocketAddr,
    pub(crate) handle: ServerHandle,
    workers: Vec<Worker<Club>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// A client that knows its connection.
pub(crate) struct Guest {
    pub(crate) client: Client,
    pub(crate) id: ConnectionId,
}

impl Server {
    pub(crate) fn new(workers: usize) -> Self {
        Server::with(workers, |_| {})
    }

    pub(crate) fn with(workers: usize, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = with(config(), |config| config.workers = workers);
        change(&mut config);
        let mut all = vec![];
        let mut workers = Workers::bind(&config, &CLUB, |worker| {
            all.push(worker);
            Club
        })
        .unwrap();
        let (address, handle) = (workers.local_addr().unwrap(), workers.handle());
        let thread = std::thread::spawn(move || workers.run());
        Server { address, handle, workers: all, thread: Some(thread) }
    }

    pub(crate) fn connect(&self) -> Guest {
        Guest::new(Client::connect(self.address))
    }

    /// That many clients on each worker. The kernel chooses a client's worker.
    pub(crate) fn settle(&self, each: usize) -> Vec<Vec<Guest>> {
        let mut found: Vec<Vec<Guest>> = self.workers.iter().map(|_| vec![]).collect();
        // They leave only at the end; otherwise the kernel could choose the same worker again.
        let mut surplus = vec![];
        while found.iter().any(|guests| guests.len() < each) {
            let guest = self.connect();
            let guests = &mut found[guest.id.worker()];
            if guests.len() < each {
                guests.push(guest)
            } else {
                surplus.push(guest)
            }
            assert!(surplus.len() < 1000, "clients are not distributed");
        }
        found
    }

    /// The result of a call on a worker.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        worker: usize,
        call: impl FnOnce(&mut Effects) -> T + Send + 'static,
    ) -> T {
        let (answer, answered) = channel();
        self.workers[0].call(worker, move |_, effects| answer.send(call(effects)).unwrap()).unwrap();
        answered.recv_timeout(PATIENCE).unwrap()
    }

    /// Has a worker do nothing until the sender that this gives is used or dropped.
    pub(crate) fn block(&self, worker: usize) -> Sender<()> {
        let (release, released) = channel();
        let (blocked, is_blocked) = channel();
        let block = move |_: &mut Club, _: &mut Effects| {
            blocked.send(()).unwrap();
            let _ = released.recv();
        };
        self.workers[0].call(worker, block).unwrap();
        is_blocked.recv_timeout(PATIENCE).unwrap();
        release
    }

    /// The totals of each worker.
    pub(crate) fn totals(&self) -> Vec<Totals> {
        let (answer, answered) = channel();
        self.handle.survey_all(move |survey| answer.send(survey.totals()).unwrap()).unwrap();
        self.workers.iter().map(|_| answered.recv_timeout(PATIENCE).unwrap()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.handle.drain();
        if !std::thread::panicking() {
            self.thread.take().unwrap().join().unwrap().unwrap();
        }
    }
}

impl Guest {
    fn new(mut client: Client) -> Self {
        client.send_packet(ID, 0, b"");
        let id = u64::from_be_bytes(client.reply().data.try_into().unwrap());
        Guest { client, id: ConnectionId::from_u64(id) }
    }

    /// The answer to a request, which must come next.
    pub(crate) fn ask(&mut self, cmd: u16, data: &[u8]) -> Reply {
        self.client.send_packet(cmd, 3, data);
        let reply = self.client.reply();
        assert_eq!((reply.cmd, reply.flag), (cmd, 3));
        reply
    }

    fn ask_number(&mut self, cmd: u16, data: &[u8]) -> u64 {
        u64::from_be_bytes(self.ask(cmd, data).data.try_into().unwrap())
    }

    /// Subscribes, and returns the number of subscribers.
    pub(crate) fn subscribe(&mut self, topic: u64) -> u64 {
        self.ask_number(SUBSCRIBE, &topic.to_be_bytes())
    }

    pub(crate) fn subscribe_to(&mut self, topics: &[u64]) {
        for topic in topics {
            self.subscribe(*topic);
        }
    }

    pub(crate) fn unsubscribe(&mut self, topic: u64) -> bool {
        self.ask(UNSUBSCRIBE, &topic.to_be_bytes()).data == [1]
    }

    pub(crate) fn count(&mut self, topic: u64) -> u64 {
        self.ask_number(COUNT, &topic.to_be_bytes())
    }

    pub(crate) fn topics(&mut self) -> Vec<u64> {
        self.ask(TOPICS, b"").data.as_chunks::<8>().0.iter().copied().map(u64::from_be_bytes).collect()
    }

    /// Publishes by this command.
    pub(crate) fn publish(&mut self, cmd: u16, topic: u64, text: &[u8]) {
        assert_eq!(self.ask(cmd, &publishing(topic, text)).error_id, 0);
    }

    pub(crate) fn login(&mut self, role_id: u64, takes_topics: bool) {
        let data = [&role_id.to_be_bytes()[..], &[u8::from(takes_topics)]].concat();
        assert_eq!(self.ask(LOGIN, &data).error_id, 0);
    }

    /// Expects this push next.
    pub(crate) fn hear(&mut self, text: &[u8]) {
        let reply = self.client.reply();
        assert_eq!((reply.cmd, reply.flag, reply.data.as_slice()), (PUSHED, 0, text));
    }

    /// Shows that nothing else has come.
    pub(crate) fn hear_nothing(&mut self) {
        assert_eq!(self.ask(ECHO, b"marker").data, b"marker");
    }
}

/// Data of a request to publish a text.
pub(crate) fn publishing(topic: u64, text: &[u8]) -> Vec<u8> {
    [&topic.to_be_bytes()[..], text].concat()
}
