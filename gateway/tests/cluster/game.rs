//! A game on three programs: rooms with members everywhere, and players that log in again and again.

use std::collections::BTreeMap;
use std::time::Duration;

use super::client::{enter, game};
use super::common::{Client, Frame};
use super::messages::room;
use super::nodes::Nodes;

pub(crate) const NAMES: [&str; 3] = ["a", "b", "c"];
/// The members of the room on each program.
const MEMBERS: u64 = 100;
/// The roles that log in at random.
const ROLES: u64 = 20;
const ROOM: &str = "plaza";
/// The longest time until everything is right again: a cut is noticed in 6 s, and digests come every 10 s.
const HEALED: Duration = Duration::from_secs(30);

/// The clients of the game, and what they have seen.
pub(crate) struct Game {
    pub(crate) nodes: Nodes,
    members: Vec<Member>,
    /// The connections of each role, in the order of their logins.
    rivals: BTreeMap<u64, Vec<(&'static str, Client)>>,
    /// The number of texts that were said.
    said: u64,
    random: u64,
    pub(crate) logins: usize,
    pub(crate) replaced: usize,
    pub(crate) heard: usize,
}

struct Member {
    on: &'static str,
    client: Client,
    role_id: u64,
    /// The last text that was heard of each speaker.
    last: BTreeMap<u64, u64>,
}

impl Game {
    pub(crate) fn start(seed: u64) -> Self {
        let nodes = Nodes::start_relayed(&NAMES, Some("c"), &[]);
        let (members, rivals) = (vec![], BTreeMap::new());
        let (said, logins, replaced, heard) = (0, 0, 0, 0);
        let mut game = Game { nodes, members, rivals, said, random: seed, logins, replaced, heard };
        NAMES.iter().for_each(|name| game.fill(name));
        game
    }

    /// The members of a program enter the room.
    pub(crate) fn fill(&mut self, on: &'static str) {
        let begin = NAMES.iter().take_while(|name| **name != on).count() as u64 * MEMBERS;
        for role_id in begin + 1..=begin + MEMBERS {
            let mut client = enter(self.nodes.of(on), &game(role_id));
            client.join(ROOM);
            self.members.push(Member { on, client, role_id, last: BTreeMap::new() });
        }
    }

    /// All clients of a program go.
    pub(crate) fn leave(&mut self, name: &str) {
        self.members.retain(|member| member.on != name);
        self.rivals.values_mut().for_each(|rivals| rivals.retain(|(on, _)| *on != name));
    }

    /// Logins of random roles, and texts, on programs that answer.
    pub(crate) fn play(&mut self, names: &[&'static str], logins: usize) {
        for _ in 0..logins {
            let on = names[self.below(names.len() as u64) as usize];
            let role_id = 1_001 + self.below(ROLES);
            let client = enter(self.nodes.of(on), &game(role_id));
            self.rivals.entry(role_id).or_default().push((on, client));
            self.logins += 1;
            let speaker = self.below(self.members.len() as u64) as usize;
            if names.contains(&self.members[speaker].on) {
                self.say(speaker);
            }
        }
    }

    /// Each role has one connection, the newest, and the others were told why they ended.
    pub(crate) fn check_roles(&mut self, case: &str) {
        for (role_id, rivals) in &mut self.rivals {
            let newest = rivals.pop();
            for (on, mut older) in rivals.drain(..) {
                older.stream.set_read_timeout(Some(HEALED)).unwrap();
                let case = format!("{case}: {role_id} on {on}");
                assert_eq!(frame(&mut older), Frame::Close(Some(4007)), "{case}");
                assert_eq!(frame(&mut older), Frame::End, "{case}");
                self.replaced += 1;
            }
            rivals.extend(newest);
            for (on, newest) in rivals {
                newest.send_packet(1101, 7, b"goes on");
                let next = frame(newest);
                assert!(matches!(next, Frame::Binary(_)), "{case}: {role_id} on {on}: {next:?}");
            }
        }
    }

    /// Everybody hears what is said on each program, and has heard nothing twice or out of order.
    #[expect(clippy::disallowed_methods, reason = "a test has no other clock")]
    pub(crate) fn check_rooms(&mut self, case: &str) {
        let began = std::time::Instant::now();
        for name in NAMES {
            let speaker = self.members.iter().position(|member| member.on == name).unwrap();
            let role_id = self.members[speaker].role_id;
            let first = self.said + 1;
            while !self.members.iter().all(|member| member.last.get(&role_id) >= Some(&first)) {
                assert!(began.elapsed() < HEALED, "{case}: no text of {name} reaches everybody");
                self.say(speaker);
                self.members.iter_mut().for_each(|member| self.heard += member.listen(case));
            }
        }
    }

    fn say(&mut self, speaker: usize) -> u64 {
        self.said += 1;
        let say = room::Say { room: ROOM.into(), text: self.said.to_string() };
        self.members[speaker].client.send_packet(1203, 5, &prost::Message::encode_to_vec(&say));
        self.said
    }

    /// A number below a limit (xorshift64).
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % limit
    }
}

impl Member {
    /// Reads all that has come, and checks it. Returns the number of texts.
    fn listen(&mut self, case: &str) -> usize {
        self.client.send_packet(1101, 9, b"");
        let mut texts = 0;
        loop {
            let reply = self.client.reply();
            match reply.cmd {
                1101 => return texts,
                1210 => {
                    let said: room::Said = prost::Message::decode(reply.data.as_slice()).unwrap();
                    let text: u64 = said.text.parse().unwrap();
                    let last = self.last.insert(said.role_id, text).unwrap_or_default();
                    let role_id = self.role_id;
                    assert!(text > last, "{case}: {role_id} hears {text} of {} after {last}", said.role_id);
                    assert_eq!(said.room, ROOM);
                    texts += 1;
                }
                cmd => assert_eq!(cmd, 1203),
            }
        }
    }
}

/// The next frame that is no Ping.
fn frame(client: &mut Client) -> Frame {
    loop {
        match client.next() {
            Frame::Ping(_) => {}
            other => return other,
        }
    }
}
