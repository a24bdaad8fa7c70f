//! The durations of visits: some clients stay for long, most for a moment.

use sysconn::sim::Random;

/// How long a client stays, and how often it comes back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visits {
    /// The steps that are left.
    pub(crate) steps: u64,
    /// It does less than this many things in one step.
    pub(crate) things: u64,
    /// How often it still comes back.
    pub(crate) returns: u64,
}

impl Visits {
    /// The visits of a client that stays.
    pub(crate) fn long(random: &mut Random) -> Self {
        Visits { steps: random.between(1, 8), things: 8, returns: random.below(4).saturating_sub(1) }
    }

    /// The visit of a client that leaves soon.
    pub(crate) fn short(random: &mut Random) -> Self {
        Visits { steps: random.below(2), things: 4, returns: 0 }
    }
}
