//! Two threads that use handles as fast as they can while connections come and go.
//!
//! Every push carries the id of the connection that it is for, the thread that sent it, and its number
//! among those that this thread had accepted for this connection. Each client checks all three.
//! `SYSCONN_HAMMER_OPERATIONS` sets how many operations the two threads do between them, a million if it
//! is not set.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod arena;
mod common;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use arena::{ArenaServer, Event, HANDLE, PUSHED};
use common::{Client, Frame, PATIENCE, config, frame, packet, with};
use sysconn::frame::{CloseCode, Opcode};
use sysconn::packet::Reply;
use sysconn::{ConnectionId, Handle, HandleError, Push};

const THREADS: usize = 2;
const STAYING: usize = 8;
const COMING_AND_GOING: usize = 4;
/// Marks the last push of a thread to a connection that stays; it is not a sequence number.
const LAST: u64 = u64::MAX;

fn operations() -> u64 {
    std::env::var("SYSCONN_HAMMER_OPERATIONS").map_or(1_000_000, |count| count.parse().unwrap())
}

/// The handles that the threads may use, and whether their connections stay.
type Handles = Arc<Mutex<Vec<(Handle, bool)>>>;

/// The work of one thread.
#[derive(Debug, Default)]
struct Done {
    accepted: u64,
    full: u64,
    gone: u64,
    looked: u64,
    closed: u64,
}

/// One of the threads: its number, and its accepted pushes so far.
struct Hammer {
    thread: u64,
    state: u64,
    accepted: HashMap<ConnectionId, u64>,
    done: Done,
}

fn payload(to: ConnectionId, thread: u64, number: u64, count: u64) -> Vec<u8> {
    [to.to_u64(), thread, number, count].map(u64::to_be_bytes).concat()
}

impl Hammer {
    /// The next of a fixed sequence of numbers that look random (Marsaglia's xorshift).
    fn random(&mut self, below: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % below
    }

    fn run(mut self, handles: &Handles, operations: &AtomicU64) -> Done {
        let mut mine = vec![];
        while operations.fetch_sub(1, Ordering::Relaxed) > THREADS as u64 {
            if mine.is_empty() || self.random(1000) == 0 {
                mine.clone_from(&handles.lock().unwrap());
            }
            let (handle, stays) = mine[self.random(mine.len() as u64) as usize].clone();
            let result = match self.random(1000) {
                0 => handle.snapshot(PATIENCE).map(|snapshot| {
                    assert_eq!(snapshot.record.id(), handle.id());
                    self.done.looked += 1;
                }),
                1..3 => handle.set_debug(false),
                3..5 if !stays => handle.close(CloseCode::new(4100).unwrap()).map(|()| self.done.closed += 1),
                _ => self.push(&handle),
            };
            match result {
                Ok(()) => {}
                Err(HandleError::MailboxFull) => {
                    self.done.full += 1;
                    thread::yield_now();
                }
                Err(HandleError::Gone) => {
                    assert!(!stays, "a connection that stays is gone");
                    self.done.gone += 1;
                    mine.retain(|(other, _)| other.id() != handle.id());
                    handles.lock().unwrap().retain(|(other, _)| other.id() != handle.id());
                }
                Err(error) => panic!("{error}"),
            }
        }
        self.finish(handles);
        self.done
    }

    fn push(&mut self, handle: &Handle) -> Result<(), HandleError> {
        let number = self.accepted.entry(handle.id()).or_default();
        handle.send(&Push::new(PUSHED, &payload(handle.id(), self.thread, *number, 0)))?;
        *number += 1;
        self.done.accepted += 1;
        Ok(())
    }

    /// Tells the clients that stay how many pushes they must have received.
    fn finish(&mut self, handles: &Handles) {
        for (handle, _) in handles.lock().unwrap().iter().filter(|(_, stays)| *stays) {
            let count = self.accepted.get(&handle.id()).copied().unwrap_or(0);
            let last = payload(handle.id(), self.thread, LAST, count);
            while handle.send(&Push::new(PUSHED, &last)) == Err(HandleError::MailboxFull) {
                thread::yield_now();
            }
        }
    }
}

/// The pushes that one client has seen, from each thread.
#[derive(Default)]
struct Seen {
    next: [u64; THREADS],
    finished: usize,
}

impl Seen {
    fn push(&mut self, id: ConnectionId, message: &[u8]) {
        let reply = Reply::parse(message).unwrap();
        assert_eq!((reply.cmd, reply.data.len()), (PUSHED, 32));
        let numbers = reply.data.as_chunks::<8>().0;
        let [to, thread, number, count] = [0, 1, 2, 3].map(|index| u64::from_be_bytes(numbers[index]));
        assert_eq!(to, id.to_u64(), "for another connection");
        let next = &mut self.next[thread as usize];
        if number == LAST {
            assert_eq!(*next, count, "thread {thread}: lost");
            self.finished += 1;
        } else {
            assert_eq!(number, *next, "thread {thread}: lost, duplicated or out of order");
            *next += 1;
        }
    }
}

/// A client whose handle the threads may use. Pushes cannot overtake the reply with its id, so that comes
/// first.
fn join(address: SocketAddr, stays: bool) -> (Client, ConnectionId) {
    let mut client = Client::connect(address);
    client.send(&packet(HANDLE, 0, &[u8::from(stays)]));
    let id = client.read_id();
    (client, id)
}

/// Reads until both threads have announced their totals.
fn stay(address: SocketAddr) -> JoinHandle<u64> {
    thread::spawn(move || {
        let (mut client, id) = join(address, true);
        let mut seen = Seen::default();
        while seen.finished < THREADS {
            match client.next() {
                Frame::Binary(message) => seen.push(id, &message),
                other => panic!("{other:?}"),
            }
        }
        client.close();
        seen.next.iter().sum()
    })
}

/// Connects repeatedly, and reads for a while each time. Returns the number of connections.
fn come_and_go(address: SocketAddr, over: Arc<AtomicBool>) -> JoinHandle<u64> {
    thread::spawn(move || {
        let mut lives = 0;
        while !over.load(Ordering::Relaxed) {
            let (mut client, id) = join(address, false);
            let mut seen = Seen::default();
            lives += 1;
            while seen.next.iter().sum::<u64>() < 50 + lives % 50 && !over.load(Ordering::Relaxed) {
                // A packet comes even if the threads push no more.
                client.send(&frame(Opcode::Ping, b""));
                match client.next() {
                    Frame::Binary(message) => seen.push(id, &message),
                    Frame::Pong(_) => {}
                    Frame::Close(code) => {
                        assert_eq!(code, Some(4100));
                        break;
                    }
                    other => panic!("{other:?}"),
                }
            }
            match lives % 3 {
                0 => drop(client),
                1 => client.reset(),
                _ => client.shutdown_write(),
            }
        }
        lives
    })
}

#[test]
fn nothing_is_lost_duplicated_or_misdelivered() {
    let total = operations();
    // The clients may fall behind, but not lose their connections.
    let config = with(config(), |config| {
        config.output.outbox_limit = None;
        config.reactor.mailbox_limit = 1024;
        config.limits.max_connections_per_ip = None;
    });
    let server = ArenaServer::new(&config);
    let handles = Handles::default();
    let over = Arc::new(AtomicBool::new(false));
    let staying: Vec<_> = (0..STAYING).map(|_| stay(server.address)).collect();
    let transient: Vec<_> =
        (0..COMING_AND_GOING).map(|_| come_and_go(server.address, over.clone())).collect();
    while handles.lock().unwrap().iter().filter(|(_, stays)| *stays).count() < STAYING {
        note_handle(&server, &handles);
    }
    let left = Arc::new(AtomicU64::new(total));
    let hammers: Vec<_> = (0..THREADS as u64)
        .map(|thread| {
            let (handles, left) = (handles.clone(), left.clone());
            let hammer =
                Hammer { thread, state: 0x5eed + thread, accepted: HashMap::new(), done: Done::default() };
            thread::spawn(move || hammer.run(&handles, &left))
        })
        .collect();
    while !hammers.iter().all(JoinHandle::is_finished) {
        note_handle(&server, &handles);
    }
    let done: Vec<Done> = hammers.into_iter().map(|hammer| hammer.join().unwrap()).collect();
    let received: u64 = staying.into_iter().map(|client| client.join().unwrap()).sum();
    over.store(true, Ordering::Relaxed);
    let lives: u64 = transient.into_iter().map(|client| client.join().unwrap()).sum();
    println!(
        "{total} operations: {done:?}; {received} pushes at clients that stayed, {lives} lives of others"
    );
    assert!(lives > COMING_AND_GOING as u64 && received > 0);
}

/// Gives the threads the handle of a new connection.
fn note_handle(server: &ArenaServer, handles: &Handles) {
    if let Ok(Event::Handle(handle, data)) = server.events.recv_timeout(std::time::Duration::from_millis(10))
    {
        handles.lock().unwrap().push((handle, data == [1]));
    }
}
