//! Hands the reactor's few inflaters and compressors to the connections that have waited longest.

use super::core::Core;
use crate::router::Application;

/// Hands out the free ones. A connection that gets one has work for the next turn.
pub(super) fn hand_out<S: Application>(core: &mut Core<S>) {
    if core.lent.env.inflaters.in_use() > 0 {
        hand_out_inflaters(core);
    }
    while let Some((id, lease)) = core.lent.env.tools.leases.next() {
        if let Some(mut active) = core.activate(id)
            && active.entry.conn.take_lease(lease)
        {
            active.postpone();
        }
    }
}

fn hand_out_inflaters<S: Application>(core: &mut Core<S>) {
    // Connections that end or begin to close do not give theirs back.
    let connections = &core.connections;
    core.lent.env.inflaters.reclaim(|id| connections.get(id).is_some_and(|entry| entry.conn.inflates()));
    while let Some(id) = core.lent.env.inflaters.call_next() {
        let is_taken = core.activate(id).is_some_and(|mut active| {
            let is_taken = active.entry.conn.handle_inflater(&mut active.lent.env);
            if is_taken {
                active.postpone();
            }
            is_taken
        });
        if !is_taken {
            core.lent.env.inflaters.give_back(id);
        }
    }
}
