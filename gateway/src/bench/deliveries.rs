//! Whether each member of a room was sent each text that was said there, once.

use super::random::mixed;

/// A number of texts, and a sum in which one that takes the place of another shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Texts {
    count: u64,
    sum: u64,
}

impl Texts {
    fn add(&mut self, text: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(mixed(text));
    }

    fn remove(&mut self, text: u64) {
        self.count = self.count.saturating_sub(1);
        self.sum = self.sum.wrapping_sub(mixed(text));
    }
}

/// The texts of each room and of each connection. A text is the number that it says.
#[derive(Debug)]
pub(super) struct Deliveries {
    members: usize,
    said: Vec<Texts>,
    received: Vec<Texts>,
}

impl Deliveries {
    /// So many connections, in rooms of so many members each.
    pub(super) fn new(connections: usize, members: usize) -> Self {
        let none = |count| vec![Texts::default(); count];
        let members = members.max(1);
        Deliveries { members, said: none(connections.div_ceil(members)), received: none(connections) }
    }

    /// This connection says a text in its room.
    pub(super) fn say(&mut self, connection: usize, text: u64) {
        if let Some(said) = self.said.get_mut(connection / self.members) {
            said.add(text);
        }
    }

    /// The server has refused it.
    pub(super) fn take_back(&mut self, connection: usize, text: u64) {
        if let Some(said) = self.said.get_mut(connection / self.members) {
            said.remove(text);
        }
    }

    /// A text has come.
    pub(super) fn receive(&mut self, connection: usize, text: u64) {
        if let Some(received) = self.received.get_mut(connection) {
            received.add(text);
        }
    }

    /// How many connections have had other texts than those of their rooms, or another number of them.
    pub(super) fn differing(&self) -> u64 {
        let rooms = self.received.chunks(self.members).zip(&self.said);
        rooms.map(|(members, said)| members.iter().filter(|received| *received != said).count() as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_member_has_each_text_of_its_room_once() {
        // Connections 0 and 1 are in a room, 2 and 3 in another. All texts that are said: (who, text).
        let said = [(0, 100), (1, 101), (3, 100), (1, 100)];
        let all = [(0, 100), (0, 101), (0, 100), (1, 100), (1, 100), (1, 101), (2, 100), (3, 100)];
        for (what, received, refused, expected) in [
            ("all came", &all[..], &[][..], 0),
            ("in another order", &[&all[4..], &all[..4]].concat(), &[], 0),
            ("one is missing", &all[1..], &[], 1),
            ("one came twice", &[&all[..], &all[..1]].concat(), &[], 1),
            ("one came to another member", &[&all[1..], &[(1, 100)]].concat(), &[], 2),
            ("one came twice in the place of another", &[&all[..1], &all[2..], &all[..1]].concat(), &[], 1),
            ("one came to another room", &[&all[1..], &[(2, 100)]].concat(), &[], 2),
            ("one was refused, and did not come", &all[..6], &[(3, 100)], 0),
            ("one was refused, and came", &all, &[(3, 100)], 2),
            ("nothing came", &[], &[], 4),
        ] {
            let mut deliveries = Deliveries::new(4, 2);
            said.iter().for_each(|&(who, text)| deliveries.say(who, text));
            received.iter().for_each(|&(who, text)| deliveries.receive(who, text));
            refused.iter().for_each(|&(who, text)| deliveries.take_back(who, text));
            assert_eq!(deliveries.differing(), expected, "{what}");
        }
    }
}
