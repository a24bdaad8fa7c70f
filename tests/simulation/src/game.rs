//! The state of the simulated game, and the actions of its other threads between two turns.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use sysconn::packet::ErrorId;
use sysconn::sim::{Random, Simulated};
use sysconn::{
    Application, Cause, ConnectionId, Context, Effects, Handle, Link, Peer, Push, Record, Ticket, Worker,
};

use crate::commands::{PUSHED, fate, late};
use crate::players::Players;

/// A planned action of the game.
pub(crate) enum Job {
    Answer(ConnectionId, u8, Vec<u8>),
    Push(Handle, u16, u16),
    Kick(Handle),
    End(ConnectionId, u8),
}

/// A chat room.
#[derive(Default)]
pub(crate) struct Room {
    pub(crate) members: BTreeSet<ConnectionId>,
    pub(crate) said: u32,
}

/// The game's state.
#[derive(Default)]
pub(crate) struct Game {
    now: Duration,
    jobs: BTreeMap<u64, Job>,
    agenda: BinaryHeap<Reverse<(Duration, u64)>>,
    last_job: u64,
    pub(crate) tickets: BTreeMap<ConnectionId, Ticket>,
    pub(crate) links: BTreeMap<ConnectionId, Link>,
    pub(crate) rooms: BTreeMap<u16, Room>,
    /// The numbers of the next pushes, by connection and stream.
    numbers: BTreeMap<(ConnectionId, u8), u32>,
    open: BTreeMap<ConnectionId, u64>,
    pub(crate) players: Players,
    /// The worker that has this state. `None`: there is only one.
    worker: Option<Worker<Game>>,
    /// Connections that have ended, with their clients' tags. Pushes to them must reach no client.
    pub(crate) gone: VecDeque<(ConnectionId, u64)>,
    /// Handles, some of which are used after their connection has gone.
    pub(crate) old_handles: VecDeque<Handle>,
}

/// A number that no other client's address has.
pub(crate) fn tag(peer: Peer) -> u64 {
    match peer {
        Peer::Ip(ip, port) => {
            let bytes = match ip {
                std::net::IpAddr::V4(ip) => u64::from(u32::from(ip)),
                std::net::IpAddr::V6(_) => 0,
            };
            bytes << 16 | u64::from(port)
        }
        Peer::Local => 0,
    }
}

impl Game {
    /// The state of a worker.
    pub(crate) fn new(players: Players, worker: Option<Worker<Game>>) -> Self {
        Game { players, worker, ..Game::default() }
    }

    /// Plans a job in `ms` milliseconds.
    pub(crate) fn plan(&mut self, ms: u16, job: Job) {
        self.last_job += 1;
        self.jobs.insert(self.last_job, job);
        self.agenda.push(Reverse((self.now + Duration::from_millis(ms.into()), self.last_job)));
    }

    /// The Data of the next push of a stream.
    pub(crate) fn next_push(&mut self, id: ConnectionId, stream: u8, tag: u64, size: u16) -> Vec<u8> {
        let number = self.numbers.entry((id, stream)).or_default();
        let data = push_data(stream, tag, *number, size);
        *number += 1;
        data
    }

    fn run(&mut self, job: Job) {
        match job {
            Job::Answer(id, way, data) => match (self.tickets.remove(&id), way) {
                (Some(ticket), late::REPLIED) => ticket.reply(data),
                (Some(ticket), late::REFUSED) => ticket.refuse(ErrorId(123)),
                (ticket, _) => drop(ticket),
            },
            Job::Push(handle, count, size) => {
                let Some(&tag) = self.open.get(&handle.id()) else { return };
                for _ in 0..count {
                    let data = self.next_push(handle.id(), 1, tag, size);
                    if handle.send(&Push::new(PUSHED, &data)).is_err() {
                        return;
                    }
                }
            }
            Job::Kick(handle) => {
                let _ = handle.kick();
            }
            Job::End(id, way) => {
                let Some(link) = self.links.remove(&id) else { return };
                if way == fate::CRASHES {
                    let crash = AssertUnwindSafe(|| {
                        let _held = link;
                        panic!("as the script asked");
                    });
                    let _ = catch_unwind(crash);
                } else {
                    link.end();
                }
            }
        }
    }
}

/// The Data of a push.
pub(crate) fn push_data(stream: u8, tag: u64, number: u32, size: u16) -> Vec<u8> {
    let mut data = vec![stream];
    data.extend(tag.to_be_bytes());
    data.extend(number.to_be_bytes());
    data.resize(data.len() + usize::from(size), stream);
    data
}

impl Application for Game {
    type Session = ();

    fn replaced(&mut self, record: &Record, _: &mut (), _: &mut Effects) {
        self.players.tell(record.id());
        self.players.log_out(record.id(), record.role_id());
    }

    fn opened(&mut self, context: &mut Context<'_>) {
        self.open.insert(context.id(), tag(context.record().peer()));
    }

    fn closed(&mut self, record: &Record, _: (), _: Cause, effects: &mut Effects) {
        let id = record.id();
        if let Some(tag) = self.open.remove(&id) {
            self.gone.push_back((id, tag));
            if self.gone.len() > 32 {
                self.gone.pop_front();
            }
        }
        self.players.end(id, self.worker.is_none());
        self.players.log_out(id, record.role_id());
        for stream in 0..2 {
            self.numbers.remove(&(id, stream));
        }
        for room in self.rooms.values_mut() {
            room.members.remove(&id);
        }
        self.rooms.retain(|_, room| !room.members.is_empty() || room.said > 0);
        // A connection that is gone receives no later output.
        if let Some(ticket) = self.tickets.remove(&id) {
            effects.reply(ticket, b"to nobody");
        }
        effects.send(id, &Push::new(PUSHED, b"to nobody"));
        drop(self.links.remove(&id));
    }
}

impl Simulated for Game {
    fn between_turns(&mut self, _: &mut Effects, now: Duration, random: &mut Random) -> Option<Duration> {
        self.now = now;
        while let Some(&Reverse((at, number))) = self.agenda.peek()
            && at <= now
        {
            self.agenda.pop();
            if let Some(job) = self.jobs.remove(&number) {
                self.run(job);
            }
        }
        if random.chance(0.01)
            && let Some(handle) = self.old_handles.pop_front()
            && !self.open.contains_key(&handle.id())
        {
            assert!(
                handle.send(&Push::new(PUSHED, b"to nobody")).is_err(),
                "a handle outlived its connection"
            );
        }
        self.agenda.peek().map(|Reverse((at, _))| at.saturating_sub(now))
    }

    fn left_over(&self) -> Option<String> {
        let members: usize = self.rooms.values().map(|room| room.members.len()).sum();
        let of_roles = self.players.left();
        let of_this = [
            ("open", self.open.len()),
            ("members", members),
            ("tickets", self.tickets.len()),
            ("links", self.links.len()),
            ("numbers", self.numbers.len()),
        ];
        let mut left = of_this.into_iter().chain(of_roles);
        left.find(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what} are left"))
    }
}
