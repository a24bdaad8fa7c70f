//! Calls of other threads on the application's state: [`Worker::call`](crate::Worker::call)
//! and [`ServerHandle::call`](crate::ServerHandle::call).

use std::any::Any;

use super::core::Core;
use super::hook::{NO_FIELDS, call_hook};
use crate::conn::Env;
use crate::mailbox::StateCall;
use crate::metrics::Work;
use crate::router::Application;

/// Calls a function with the application's state. The caller applies the resulting effects. A panic is
/// logged.
pub(super) fn call_state<S: Application>(core: &mut Core<S>, call: StateCall) {
    let Env { state, tools, .. } = &mut core.lent.env;
    let state: &mut dyn Any = state;
    call_hook(tools, Work::Call, "call on a worker's state", &NO_FIELDS, |tools| {
        call(state, &mut tools.effects)
    });
    core.lent.budget.read_clock();
}
