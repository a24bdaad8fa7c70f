//! Logs panics, with message and place, up to a limit.

use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many panics of threads other than workers are logged. Panics of workers are logged where they are
/// caught.
const MAX_WRITTEN: u32 = 100;

static SEEN: AtomicU32 = AtomicU32::new(0);

/// Sends panics to the log in place of standard error.
pub(crate) fn install_hook() {
    std::panic::set_hook(Box::new(write));
}

fn write(info: &PanicHookInfo<'_>) {
    if sysconn::keep_panic(info) {
        return;
    }
    let seen = SEEN.fetch_add(1, Ordering::Relaxed);
    if seen >= MAX_WRITTEN {
        // Where the count wraps the next hundred may be written again.
        return;
    }
    let place = info.location().map_or_else(String::new, |place| format!(" at {place}"));
    log::error!("panic{place}: {}", info.payload_as_str().unwrap_or("no message").escape_debug());
    if seen + 1 == MAX_WRITTEN {
        log::error!("no further panics are logged");
    }
}
