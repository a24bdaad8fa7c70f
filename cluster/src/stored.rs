//! What a node begins with: the black list of its last start.

use crate::blacklist::BlacklistRecord;
use crate::clock::{Clock, MAX_AHEAD_MS, clock_at};
use crate::stamp::Stamp;
use crate::wire::Sender;

/// The records that were stored, and the stamp of the last clearing.
pub(crate) struct Stored {
    pub(crate) blacklist: Vec<BlacklistRecord>,
    pub(crate) cleared: Option<Stamp>,
}

/// What was made again, and is to be stored so.
pub(crate) struct Renewed {
    pub(crate) blacklist: Vec<BlacklistRecord>,
    pub(crate) cleared: Option<Stamp>,
}

impl Stored {
    /// Sees the stamps: the own wall clock may have been set back since they were made. Those that are so far
    /// ahead that nobody would hear a node with such a clock are made again, as of this start.
    pub(crate) fn heard_at(&mut self, wall_ms: u64, me: &Sender, clock: &Clock) -> Renewed {
        let latest = clock_at(wall_ms.saturating_add(MAX_AHEAD_MS));
        let stamps = self.blacklist.iter().map(|record| &record.stamp).chain(&self.cleared);
        for stamp in stamps.filter(|stamp| stamp.clock <= latest) {
            clock.see(stamp.clock, wall_ms);
        }
        let renew = |stamp: &mut Stamp| {
            let is_ahead = stamp.clock > latest;
            if is_ahead {
                let clock = clock.tick(wall_ms);
                *stamp = Stamp { clock, node: me.name.clone(), incarnation: me.incarnation };
            }
            is_ahead
        };
        // The clearing first: what it has left stays above it.
        let cleared = self.cleared.as_mut().and_then(|stamp| renew(stamp).then(|| stamp.clone()));
        let ahead = self.blacklist.iter_mut().filter_map(|record| {
            let is_ahead = renew(&mut record.stamp);
            is_ahead.then(|| record.clone())
        });
        let blacklist: Vec<_> = ahead.collect();
        if cleared.is_some() || !blacklist.is_empty() {
            log::error!(target: crate::LOG, "stored changes of the black list are of the future: they count as made now");
        }
        Renewed { blacklist, cleared }
    }
}
