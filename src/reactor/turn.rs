//! One turn of a reactor, after its poll has returned: the list of its steps.

use std::time::Instant;

use super::accept::accept;
use super::bury::write_and_bury;
use super::core::Core;
use super::deliver::deliver_mail;
use super::drain::drain;
use super::effects::apply;
use super::event::handle_event;
use super::expire::expire;
use super::fan_out::continue_fan_outs;
use super::hand_out::hand_out;
use super::input::Input;
use super::read_ahead::handle_ahead;
use super::requester::Requester;
use super::serve::{serve_busy, serve_quiet};
use super::sys::poller::Poller;
use super::tick::{next_tick_at, tick};
use crate::conn::Draining;
use crate::moment::Moment;
use crate::router::Application;

/// Does a bounded amount of the pending work. `polled` is when the poll returned: the time of this turn.
#[inline(always)]
pub(super) fn take_turn<S: Application>(
    core: &mut Core<S>,
    input: &mut Input,
    poller: &Poller,
    polled: Instant,
) {
    begin(core, input, polled);
    // What the application has asked for since the last turn.
    apply(core, Requester::Application);
    serve_quiet(core, input);
    poller.for_each(|event| handle_event(core, input, event));
    handle_ahead(core, input);
    serve_busy(core, input);
    deliver_mail(core);
    tick(core, polled);
    accept(core);
    expire(core, input);
    drain(core);
    continue_fan_outs(core);
    write_and_bury(core);
    hand_out(core);
    core.lent.env.tools.log.tell(core.lent.now());
    publish(core);
}

/// Gives the turn its budgets.
pub(super) fn begin<S: Application>(core: &mut Core<S>, input: &mut Input, polled: Instant) {
    input.begin_turn();
    core.lent.budget.begin(polled);
    core.connections.forget_served();
}

/// When the next turn is due even without an event.
pub(super) fn next_at<S: Application>(core: &Core<S>) -> Moment {
    let schedule = core.connections.schedule();
    let has_effects = !core.lent.env.tools.effects.is_empty();
    if has_effects || schedule.has_work() || core.mail.has_work() || !core.lent.fan_outs.is_empty() {
        return core.lent.now();
    }
    let notice_at = core.lent.env.tools.log.next_at();
    let drain_at = core.drain.next_at(!core.listeners.are_closed(), core.connections.is_empty());
    let others_at = core.listeners.next_at().min(drain_at).min(notice_at).min(next_tick_at(core));
    schedule.next_timer_at().min(others_at)
}

/// Publishes, at the end of a turn, what the reactor does not count one by one.
#[inline]
fn publish<S: Application>(core: &Core<S>) {
    let tools = &core.lent.env.tools;
    let Some(numbers) = tools.meter.numbers() else { return };
    numbers.mail.set(core.mail.len() as u64);
    numbers.subscriptions.set(tools.effects.topics.subscriptions() as u64);
    numbers.draining.set((core.lent.env.draining != Draining::No).into());
    for (number, lines) in numbers.left_out.iter().zip(tools.log.left_out()) {
        number.set(lines);
    }
}
