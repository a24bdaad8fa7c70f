//! One bot: it walks, chats, changes rooms, comes back, and checks all that the server sends.

use std::sync::Arc;
use std::time::Instant;

use prost::Message;
use sysconn::token::Keys;
use sysconn::{ClientKind, Identity, Login};

use super::link::{Fallible, Incoming, Link};
use super::messages::{Role, account, room};
use super::track::{Tracks, line, step};

/// The rooms with snapshots, from 1. The first bots, one in each, are operators.
pub(crate) const ROOMS: u64 = 8;
/// The most moves that the server may be behind.
const MAX_BEHIND: u64 = 200;
/// ErrorIDs of refusals.
const NOT_LOGGED_IN: u16 = 3;
const NOT_ALLOWED: u16 = 4;

/// What all bots share.
pub(crate) struct Plan {
    pub(crate) address: String,
    pub(crate) keys: Keys,
    pub(crate) bots: u64,
    /// The roles have played before, and are where they were.
    pub(crate) is_back: bool,
    /// From now on nobody changes rooms or connections, so that all hear that the server ends.
    pub(crate) quiet_at: Instant,
}

/// What a bot has seen and done.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) snapshots: u64,
    pub(crate) roles: u64,
    pub(crate) ticks_without: u64,
    pub(crate) moves: u64,
    pub(crate) lines: u64,
    pub(crate) joins: u64,
    pub(crate) kicked: u64,
    pub(crate) reconnects: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Counts) {
        self.snapshots += other.snapshots;
        self.roles += other.roles;
        self.ticks_without += other.ticks_without;
        self.moves += other.moves;
        self.lines += other.lines;
        self.joins += other.joins;
        self.kicked += other.kicked;
        self.reconnects += other.reconnects;
    }
}

/// What a bot does beside walking and chatting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Habit {
    Stay,
    /// Operators kick it, and it comes back.
    GetKicked,
    Reconnect,
    ChangeRooms,
}

fn habit(role_id: u64) -> Habit {
    match (role_id - 1) / ROOMS % 4 {
        0 => Habit::Stay,
        1 => Habit::GetKicked,
        2 => Habit::Reconnect,
        _ => Habit::ChangeRooms,
    }
}

pub(crate) struct Bot {
    plan: Arc<Plan>,
    link: Link,
    tracks: Tracks,
    counts: Counts,
    /// What the server has said of the role.
    role: Role,
    /// The moves sent since it is in this room.
    sent: u64,
    /// A request to join is not answered yet.
    is_joining: bool,
    last_tick: u64,
    session: u64,
    lines: u64,
    has_notice: bool,
}

impl Bot {
    pub(crate) fn log_in(plan: &Arc<Plan>, role_id: u64) -> Fallible<Self> {
        let (link, role) = log_in(plan, role_id)?;
        let (tracks, counts) = (Tracks::default(), Counts::default());
        let (plan, sent, has_notice) = (plan.clone(), role.moves, false);
        let mut bot = Bot {
            plan,
            link,
            tracks,
            counts,
            role,
            sent,
            is_joining: false,
            last_tick: 0,
            session: 1,
            lines: 0,
            has_notice,
        };
        let may_be_anywhere = matches!(habit(role_id), Habit::GetKicked | Habit::ChangeRooms);
        let is_as_expected = if !bot.plan.is_back {
            role.room == 0 && role.moves == 0
        } else {
            may_be_anywhere || role.room == bot.own_room() && role.moves > 0
        };
        if !is_as_expected {
            return Err(format!("it is not where it was: {role:?}").into());
        }
        bot.tracks.check(&role)?;
        if role.room == 0 {
            bot.join(bot.own_room())?;
        }
        Ok(bot)
    }

    fn own_room(&self) -> u64 {
        1 + (self.role.role_id - 1) % ROOMS
    }

    /// Plays until the server ends.
    pub(crate) fn play(mut self) -> Fallible<Counts> {
        loop {
            match self.link.next()? {
                Incoming::Packet { cmd, error_id: 0, data } => self.take(cmd, &data)?,
                // Another operator was faster.
                Incoming::Packet { cmd: room::KICK, error_id: NOT_ALLOWED, .. } => {}
                Incoming::Packet { cmd, error_id, .. } => {
                    return Err(format!("command {cmd} was refused with {error_id}").into());
                }
                Incoming::Close(4010) if habit(self.role.role_id) == Habit::GetKicked => {
                    self.counts.kicked += 1;
                    let newer = log_in(&self.plan, self.role.role_id)?;
                    self.come_back(newer)?;
                }
                Incoming::Close(1001) if self.has_notice => return Ok(self.counts),
                Incoming::Close(code) => {
                    return Err(format!("Close {code}, notice: {}", self.has_notice).into());
                }
            }
        }
    }

    fn take(&mut self, cmd: u16, data: &[u8]) -> Fallible {
        match cmd {
            room::SNAPSHOT => {
                let snapshot = room::Snapshot::decode(data)?;
                self.check(&snapshot)?;
                if !self.is_joining {
                    self.act(&snapshot)?;
                }
            }
            room::SAID => {
                self.counts.lines += 1;
                self.tracks.check_line(&room::Said::decode(data)?)?;
            }
            room::JOIN => self.arrive(room::Joined::decode(data)?.role.ok_or("no role")?)?,
            room::NOTICE => self.has_notice = true,
            room::LIST => {
                let clients = room::Rooms::decode(data)?.clients;
                let (all, most) = (clients.iter().sum::<u32>(), clients[1..].iter().max());
                // Watchers, and connections that are being replaced, count as well.
                if u64::from(all) > 2 * self.plan.bots + 2 * ROOMS || most > Some(&64) {
                    return Err(format!("{clients:?} clients").into());
                }
                self.join(1 + (self.counts.joins + self.role.role_id) % ROOMS)?;
            }
            room::CHAT | room::KICK => {}
            _ => return Err(format!("unexpected command {cmd}").into()),
        }
        Ok(())
    }

    /// Checks a snapshot: it is of this room and a newer one, and everybody is where their moves lead.
    fn check(&mut self, snapshot: &room::Snapshot) -> Fallible {
        if snapshot.room != self.role.room || snapshot.tick <= self.last_tick {
            return Err(
                format!("snapshot {} of room {}, in {:?}", snapshot.tick, snapshot.room, self.role).into()
            );
        }
        if self.last_tick > 0 {
            self.counts.ticks_without += snapshot.tick - self.last_tick - 1;
        }
        self.last_tick = snapshot.tick;
        (self.counts.snapshots, self.counts.roles) =
            (self.counts.snapshots + 1, self.counts.roles + snapshot.roles.len() as u64);
        for role in &snapshot.roles {
            self.tracks.check(role)?;
        }
        let own = snapshot.roles.iter().find(|role| role.role_id == self.role.role_id);
        let own = own.ok_or("its own role is not in the snapshot")?;
        if own.moves < self.role.moves || own.moves > self.sent || own.moves + MAX_BEHIND < self.sent {
            return Err(format!("{own:?}, but {} moves were sent", self.sent).into());
        }
        self.role = *own;
        Ok(())
    }

    /// What the bot does after a snapshot.
    fn act(&mut self, snapshot: &room::Snapshot) -> Fallible {
        let (role_id, at) = (self.role.role_id, self.counts.snapshots + self.role.role_id * 7);
        self.sent += 1;
        self.counts.moves += 1;
        self.link.send(room::MOVE, &step(role_id, self.sent))?;
        if at.is_multiple_of(40) {
            self.lines += 1;
            self.link.send(room::CHAT, &room::Chat { text: line(role_id, self.session, self.lines) })?;
        }
        if now() >= self.plan.quiet_at {
            return Ok(());
        }
        if role_id <= ROOMS && at.is_multiple_of(40) {
            let roles = snapshot.roles.iter().map(|role| role.role_id);
            let victims: Vec<_> = roles.filter(|role_id| habit(*role_id) == Habit::GetKicked).collect();
            if let Some(&role_id) = victims.get(at as usize / 40 % victims.len().max(1)) {
                self.link.send(room::KICK, &room::Kick { role_id })?;
            }
        }
        match habit(role_id) {
            Habit::ChangeRooms if at.is_multiple_of(40) => self.join(0),
            Habit::Reconnect if at.is_multiple_of(40) => self.reconnect(self.session.is_multiple_of(2)),
            _ => Ok(()),
        }
    }

    fn join(&mut self, room: u64) -> Fallible {
        self.is_joining = true;
        self.link.send(room::JOIN, &room::Join { room })
    }

    /// The role has come into a room.
    fn arrive(&mut self, role: Role) -> Fallible {
        if !self.is_joining || role.moves > 0 {
            return Err(format!("it has not joined {role:?}").into());
        }
        self.counts.joins += 1;
        (self.is_joining, self.sent, self.last_tick, self.role) = (role.room == 0, 0, 0, role);
        self.tracks.check(&role)?;
        if role.room == 0 { self.link.send(room::LIST, &room::List {}) } else { Ok(()) }
    }

    /// Comes back on another connection: after this one is gone, or while it is still open.
    fn reconnect(&mut self, is_gone: bool) -> Fallible {
        self.counts.reconnects += 1;
        let newer = if is_gone {
            // Dropped without a Close.
            self.link = Link::open(&self.plan.address, "/")?;
            log_in(&self.plan, self.role.role_id)?
        } else {
            let newer = log_in(&self.plan, self.role.role_id)?;
            let code = self.link.close_code()?;
            if code != 4007 {
                return Err(format!("Close {code} for the older connection").into());
            }
            newer
        };
        self.come_back(newer)
    }

    /// The role must be where the last connection has left it.
    fn come_back(&mut self, (link, role): (Link, Role)) -> Fallible {
        if self.is_joining {
            // It was kicked before it knew that it had joined.
            (self.is_joining, self.role) = (false, Role { room: self.own_room(), moves: 0, ..self.role });
        }
        if role.room != self.role.room || role.moves < self.role.moves || role.moves > self.sent {
            return Err(format!("back as {role:?}, but it was {:?}, {} sent", self.role, self.sent).into());
        }
        self.tracks.check(&role)?;
        (self.link, self.role, self.sent, self.last_tick) = (link, role, role.moves, 0);
        self.session += 1;
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "bots live in real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A new connection that is logged in, and where its role is.
fn log_in(plan: &Plan, role_id: u64) -> Fallible<(Link, Role)> {
    let is_operator = role_id <= ROOMS;
    let kind = if is_operator { ClientKind::Operator } else { ClientKind::Player };
    let account = format!("bot {role_id}");
    let identity = Identity { account: account.clone(), role_id, ..Identity::default() };
    let token = plan.keys.sign(&Login { identity, kind, ..Login::default() }, u64::MAX);
    let mut link = Link::open(&plan.address, "/")?;
    link.send(account::LOGIN, &account::Login { account, role_id, is_operator, token })?;
    let logged_in: account::LoggedIn = link.answer(account::LOGIN)?;
    Ok((link, logged_in.role.ok_or("no role")?))
}

/// Watches a room without a role until the server ends: it may chat, but neither move nor log in.
pub(crate) fn watch(plan: &Plan, room: u64) -> Fallible<Counts> {
    let mut link = Link::open(&plan.address, &format!("/?watch={room}"))?;
    link.send(room::MOVE, &step(0, 1))?;
    link.send(account::LOGIN, &account::Login::default())?;
    let (mut counts, mut tracks, mut refused, mut has_notice) =
        (Counts::default(), Tracks::default(), 0, false);
    loop {
        match link.next()? {
            Incoming::Packet { cmd: room::SNAPSHOT, data, .. } => {
                counts.snapshots += 1;
                room::Snapshot::decode(&*data)?.roles.iter().try_for_each(|role| tracks.check(role))?;
                if counts.snapshots.is_multiple_of(50) {
                    link.send(room::CHAT, &room::Chat { text: line(0, room, counts.snapshots) })?;
                }
            }
            Incoming::Packet { cmd: room::SAID, data, .. } => {
                counts.lines += 1;
                tracks.check_line(&room::Said::decode(&*data)?)?;
            }
            Incoming::Packet { cmd: room::MOVE | account::LOGIN, error_id: NOT_LOGGED_IN, .. } => {
                refused += 1
            }
            Incoming::Packet { cmd: room::CHAT, error_id: 0, .. } => {}
            Incoming::Packet { cmd: room::NOTICE, .. } => has_notice = true,
            Incoming::Close(1001) if has_notice && refused == 2 => return Ok(counts),
            Incoming::Packet { cmd, error_id, .. } => return Err(format!("{cmd}, error {error_id}").into()),
            Incoming::Close(code) => return Err(format!("Close {code}, {refused} refused").into()),
        }
    }
}
