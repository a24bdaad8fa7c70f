//! Calls the application's tick when a point of its grid has come.

use std::time::{Duration, Instant};

use super::core::Core;
use super::effects::apply;
use super::hook::call_own_hook;
use super::requester::Requester;
use super::tick_grid::Due;
use crate::conn::Env;
use crate::metrics::Work;
use crate::moment::Moment;
use crate::router::{Application, Tick};

/// Calls the application's tick, if a point has come by the time of this turn.
#[inline]
pub(super) fn tick<S: Application>(core: &mut Core<S>, polled: Instant) {
    if let Some(due) = core.ticks.as_mut().and_then(|grid| grid.take_due(polled)) {
        call_tick(core, due);
    }
}

/// When the next tick is due; never without ticks, and at once if their grid has not begun.
pub(super) fn next_tick_at<S: Application>(core: &Core<S>) -> Moment {
    let Some(grid) = &core.ticks else { return Moment::NEVER };
    grid.next_at().map_or(core.lent.now(), |at| core.shared.clock.moment_not_before(at))
}

#[cold]
fn call_tick<S: Application>(core: &mut Core<S>, due: Due) {
    core.lent.budget.read_clock();
    // What the turn has done since the poll made it later.
    let late = due.late + Duration::from_micros(core.lent.budget.passed_us());
    let tick = Tick { number: due.number, missed: due.missed, late };
    let Env { state, tools, .. } = &mut core.lent.env;
    call_own_hook(tools, Work::Tick, "tick", &("number", tick.number), |tools| {
        state.tick(tick, &mut tools.effects)
    });
    core.lent.budget.read_clock();
    apply(core, Requester::Application);
}
