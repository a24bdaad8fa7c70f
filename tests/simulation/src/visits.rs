//! How long players stay: some for long, most for a moment.

use sysconn::sim::Random;

/// How long a player stays, and how often it comes back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visits {
    /// What is left of its steps.
    pub(crate) steps: u64,
    /// What it does in one step is less than this.
    pub(crate) things: u64,
    /// Times that it comes back.
    pub(crate) returns: u64,
}

impl Visits {
    /// Those of somebody who likes it here.
    pub(crate) fn long(random: &mut Random) -> Self {
        Visits { steps: random.between(1, 8), things: 8, returns: random.below(4).saturating_sub(1) }
    }

    /// That of somebody who has a look around, if that.
    pub(crate) fn short(random: &mut Random) -> Self {
        Visits { steps: random.below(2), things: 4, returns: 0 }
    }
}
