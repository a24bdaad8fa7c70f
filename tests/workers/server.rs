//! The town on threads of its own, and clients on each of its workers.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use sysconn::{Config, ConnectionId, Handle, MailboxError, ServerHandle, Survey, Worker, Workers};

use super::common::{Client, PATIENCE};
use super::town::{ECHO, Event, HANDLE, LOGIN, PUSHED, SEND, TOWN, Town};

/// Drained and joined when it is dropped; a failure of it fails the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) handle: ServerHandle,
    pub(crate) events: Receiver<Event>,
    pub(crate) workers: Vec<Worker<Town>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// A client that knows its connection.
pub(crate) struct Citizen {
    pub(crate) client: Client,
    pub(crate) id: ConnectionId,
}

impl Server {
    pub(crate) fn new(config: &Config) -> Self {
        let (sender, events) = channel();
        let mut all = vec![];
        let mut workers = Workers::bind(config, &TOWN, |worker| {
            all.push(worker.clone());
            Town::new(worker, sender.clone())
        })
        .unwrap();
        assert_eq!((workers.count(), all.len()), (config.workers, config.workers));
        let address = workers.local_addr().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
        let handle = workers.handle();
        let thread = std::thread::spawn(move || workers.run());
        Server { address, handle, events, workers: all, thread: Some(thread) }
    }

    /// The next event that `pick` takes; those before it are lost.
    pub(crate) fn await_event<T>(&self, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        loop {
            if let Some(picked) = pick(self.events.recv_timeout(PATIENCE).unwrap()) {
                return picked;
            }
        }
    }

    /// That many clients on each worker. The kernel chooses a client's worker.
    pub(crate) fn settle(&self, each: usize) -> Vec<Vec<Citizen>> {
        let mut found: Vec<Vec<Citizen>> = self.workers.iter().map(|_| vec![]).collect();
        // Surplus clients of a worker leave only at the end; otherwise the kernel could choose the same
        // worker again.
        let mut surplus = vec![];
        while found.iter().any(|citizens| citizens.len() < each) {
            let citizen = Citizen::new(Client::connect(self.address));
            let citizens = &mut found[citizen.id.worker()];
            if citizens.len() < each {
                citizens.push(citizen)
            } else {
                surplus.push(citizen)
            }
            assert!(surplus.len() < 1000, "clients are not distributed");
        }
        found
    }

    /// The handle of a citizen.
    pub(crate) fn handle_of(&self, citizen: &mut Citizen) -> Handle {
        citizen.client.send_packet(HANDLE, 0, b"");
        assert_eq!(citizen.client.reply().cmd, HANDLE);
        let id = citizen.id;
        self.await_event(|event| match event {
            Event::Handle(handle) if handle.id() == id => Some(handle),
            _ => None,
        })
    }

    /// The result of `look` on each worker.
    pub(crate) fn survey<T: Send + 'static>(
        &self,
        mut look: impl FnMut(&Survey<'_>) -> T + Send + 'static,
    ) -> Vec<T> {
        let (answer, answered) = channel();
        let count = self.workers.len();
        let tour = move |survey: &Survey<'_>| {
            assert_eq!(survey.is_last(), survey.worker() + 1 == count);
            answer.send((survey.worker(), look(survey))).unwrap();
        };
        self.handle.survey_all(tour).unwrap();
        let found: Vec<_> = (0..count).map(|_| answered.recv_timeout(PATIENCE).unwrap()).collect();
        assert!(found.iter().map(|(worker, _): &(usize, T)| *worker).eq(0..count));
        found.into_iter().map(|(_, found)| found).collect()
    }

    /// How many connections each worker has.
    pub(crate) fn connections(&self) -> Vec<usize> {
        self.survey(|survey| survey.len())
    }

    /// The connections that are logged in with a role; there should be at most one.
    pub(crate) fn with_role(&self, role_id: u64) -> Vec<ConnectionId> {
        self.survey(move |survey| survey.with_role(role_id)).into_iter().flatten().collect()
    }

    /// Has a worker do nothing until the sender that this gives is used or dropped.
    pub(crate) fn block(&self, worker: usize) -> std::sync::mpsc::Sender<()> {
        let (release, released) = channel();
        let (blocked, is_blocked) = channel();
        self.workers[worker]
            .call(worker, move |_, _| {
                blocked.send(()).unwrap();
                let _ = released.recv();
            })
            .unwrap();
        is_blocked.recv_timeout(PATIENCE).unwrap();
        release
    }

    /// Waits until every worker has handled all earlier requests.
    pub(crate) fn catch_up(&self) {
        for worker in 0..self.workers.len() {
            let (done, is_done) = channel();
            while self.workers[0].call(worker, {
                let done = done.clone();
                move |_, _| done.send(()).unwrap()
            }) == Err(MailboxError::Full)
            {}
            is_done.recv_timeout(PATIENCE).unwrap();
        }
    }

    /// Waits until all workers have drained.
    pub(crate) fn join(&mut self) -> io::Result<()> {
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.handle.drain();
        if !std::thread::panicking() {
            self.join().unwrap();
        }
    }
}

impl Citizen {
    pub(crate) fn new(mut client: Client) -> Self {
        client.send_packet(HANDLE, 0, b"");
        let reply = client.reply();
        assert_eq!((reply.error_id, reply.cmd), (0, HANDLE));
        let id = ConnectionId::from_u64(u64::from_be_bytes(reply.data.try_into().unwrap()));
        Citizen { client, id }
    }

    /// Sends a request, and sees an empty answer.
    pub(crate) fn done(&mut self, cmd: u16, data: &[u8]) {
        self.client.send_packet(cmd, 3, data);
        let reply = self.client.reply();
        assert_eq!((reply.error_id, reply.cmd, reply.flag, reply.data.len()), (0, cmd, 3, 0));
    }

    pub(crate) fn login(&mut self, role_id: u64) {
        self.done(LOGIN, &role_id.to_be_bytes());
    }

    pub(crate) fn echo(&mut self, text: &[u8]) {
        self.client.send_packet(ECHO, 7, text);
        let reply = self.client.reply();
        assert_eq!((reply.error_id, reply.cmd, reply.data.as_slice()), (0, ECHO, text));
    }

    /// Expects this push next.
    pub(crate) fn hear(&mut self, text: &[u8]) {
        let reply = self.client.reply();
        assert_eq!((reply.cmd, reply.flag, reply.data.as_slice()), (PUSHED, 0, text));
    }

    /// Makes its handler push a text to others.
    pub(crate) fn send(&mut self, to: &[ConnectionId], text: &[u8]) {
        self.done(SEND, &sending(to, text));
    }
}

/// Data of a request to push a text.
pub(crate) fn sending(to: &[ConnectionId], text: &[u8]) -> Vec<u8> {
    let mut data = u16::try_from(to.len()).unwrap().to_be_bytes().to_vec();
    data.extend(to.iter().flat_map(|id| id.to_u64().to_be_bytes()));
    data.extend(text);
    data
}
