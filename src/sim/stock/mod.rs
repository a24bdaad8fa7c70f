//! Scripts for any server: clients that know none of its commands, and do nearly everything wrong.

mod silence;
mod upgrades;
mod violations;

pub use silence::Silence;
pub use upgrades::Upgrades;
pub use violations::Violations;

use super::random::Random;
use super::script::Script;
use crate::config::Config;

/// One of these scripts at random, for a server of packets with that configuration.
#[must_use]
pub fn any(random: &mut Random, config: &Config) -> Box<dyn Script> {
    match random.below(8) {
        0..3 => Box::new(Upgrades::any(random)),
        3..7 => Box::new(Violations::any(random, config)),
        _ => Box::new(Silence::any(random, config)),
    }
}
