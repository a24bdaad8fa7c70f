//! Calls a hook of the application: catches its panic, and tells if it took too long.

use std::panic::{AssertUnwindSafe, catch_unwind};

use log::kv::Source;

use crate::metrics::Work;
use crate::router::Tools;
use crate::topics::Quota;

/// No fields beside the name of the hook.
pub(super) const NO_FIELDS: Option<(&str, &str)> = None;

/// Calls a hook. A watchdog knows it as this `work`, and the log names it `what`, with these fields, if it
/// panics or takes longer than [`Config::slow_handler`](crate::Config::slow_handler).
pub(super) fn call_hook<Session>(
    tools: &mut Tools<Session>,
    work: Work,
    what: &str,
    fields: &dyn Source,
    hook: impl FnOnce(&mut Tools<Session>),
) {
    let began = tools.slow.begin();
    tools.meter.begins(work, 0);
    let called = catch_unwind(AssertUnwindSafe(|| hook(tools)));
    tools.meter.ends();
    if let Some(took) = tools.slow.slow_since(began) {
        tools.log.slow(tools.now, what, took, fields);
    }
    if called.is_err() {
        tools.log.panicked(tools.now, what, fields);
    }
}

/// Calls a hook in which the application acts by itself.
pub(super) fn call_own_hook<Session>(
    tools: &mut Tools<Session>,
    work: Work,
    what: &str,
    fields: &dyn Source,
    hook: impl FnOnce(&mut Tools<Session>),
) {
    tools.effects.quota = Quota::Application;
    call_hook(tools, work, what, fields, hook);
    tools.effects.quota = Quota::Guest;
}
