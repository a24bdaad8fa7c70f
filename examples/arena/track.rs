//! What the bots know without the server: where each role is after so many moves, and what it says.

use std::collections::HashMap;

use super::link::Fallible;
use super::messages::{Role, room};

/// The length of a room's sides; who walks out of it comes back in on the other side.
const SIZE: i32 = 1000;

/// The move number `n`, from 1, of a role.
pub(crate) fn step(role_id: u64, n: u64) -> room::Move {
    let mixed = (role_id << 32 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let part = |shift: u32| (mixed >> shift & 0xffff) as i32 % 19 - 9;
    room::Move { dx: part(48), dy: part(32) }
}

/// What a role says on its connection number `session`, in order.
pub(crate) fn line(role_id: u64, session: u64, n: u64) -> String {
    format!("{role_id} {session} {n}")
}

/// The positions of roles, advanced move by move.
#[derive(Default)]
pub(crate) struct Tracks {
    places: HashMap<u64, Role>,
    /// The last line of each role.
    lines: HashMap<u64, (u64, u64)>,
}

impl Tracks {
    /// A role's position must be that of its moves.
    pub(crate) fn check(&mut self, role: &Role) -> Fallible {
        let start = |factor: u64| (role.role_id * factor % SIZE as u64) as i32;
        let first = Role { x: start(37), y: start(91), moves: 0, ..*role };
        let place = self.places.entry(role.role_id).or_insert(first);
        if place.room != role.room || place.moves > role.moves {
            *place = first;
        }
        while place.moves < role.moves {
            place.moves += 1;
            let room::Move { dx, dy } = step(role.role_id, place.moves);
            (place.x, place.y) = ((place.x + dx).rem_euclid(SIZE), (place.y + dy).rem_euclid(SIZE));
        }
        if *place == *role { Ok(()) } else { Err(format!("{role:?} should be {place:?}").into()) }
    }

    /// The lines of a connection come in order, each at most once.
    pub(crate) fn check_line(&mut self, said: &room::Said) -> Fallible {
        let mut words = said.text.split(' ').map(str::parse::<u64>);
        let (Some(Ok(role_id)), Some(Ok(session)), Some(Ok(n)), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(format!("nobody says {said:?}").into());
        };
        let last = self.lines.insert(said.role_id, (session, n));
        let is_next = last.is_none_or(|(before, last)| before != session || last < n);
        // The roles of watchers are 0, and several of them may speak.
        if said.role_id == 0 || role_id == said.role_id && is_next {
            return Ok(());
        }
        Err(format!("{said:?} came after {last:?}").into())
    }
}
