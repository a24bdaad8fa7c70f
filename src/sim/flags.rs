//! Flags that no two requests of a simulation share, so that each reply shows whose it is.

/// Which client was given which Flag.
#[derive(Debug, Default)]
pub(super) struct Flags {
    owners: Vec<u32>,
}

/// Odd, so that it maps numbers to Flags one to one; large, so that Flags use all of their 32 bits.
const FACTOR: u32 = 0x9e37_79b1;

impl Flags {
    /// Returns a new Flag for this client. It is never 0, the Flag of pushes.
    pub(super) fn give(&mut self, client: u32) -> u32 {
        self.owners.push(client);
        (self.owners.len() as u32).wrapping_mul(FACTOR)
    }

    /// The client that was given a Flag.
    pub(super) fn owner(&self, flag: u32) -> Option<u32> {
        let number = flag.wrapping_mul(const { inverse(FACTOR) });
        self.owners.get((number as usize).checked_sub(1)?).copied()
    }
}

/// The inverse of `factor` modulo 2^32, by Newton's iteration: each round doubles the number of right bits.
const fn inverse(factor: u32) -> u32 {
    let (mut inverse, mut round) = (factor, 0);
    while round < 5 {
        inverse = inverse.wrapping_mul(2u32.wrapping_sub(factor.wrapping_mul(inverse)));
        round += 1;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_names_its_owner_and_no_other_number_does() {
        let mut flags = Flags::default();
        let given: Vec<u32> = (0..1000).map(|client| flags.give(client)).collect();
        for (client, &flag) in given.iter().enumerate() {
            assert_ne!(flag, 0);
            assert_eq!(flags.owner(flag), Some(client as u32));
            assert_eq!(flags.owner(flag ^ 0x8000_0000), None);
        }
        assert_eq!(flags.owner(0), None);
        assert!(given.iter().any(|&flag| flag > u32::MAX / 2));
    }
}
