//! Keeps a panic's message from the panic hook until the library logs the panic.

use std::cell::{Cell, RefCell};
use std::panic::PanicHookInfo;

use crate::log_line::Escaped;

thread_local! {
    /// Whether this library catches and logs all panics of this thread.
    static CATCHES: Cell<bool> = const { Cell::new(false) };
    static KEPT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps a panic's message and location, for use in an application's panic hook.
///
/// The library logs them once it has caught the panic. So each panic is one line of the log, within the limit
/// for bad input.
///
/// Returns true on the threads of [`Workers`](crate::Workers), where the library catches all panics.
/// Elsewhere it returns false and does nothing: the hook has to report the panic.
///
/// ```
/// std::panic::set_hook(Box::new(|info| {
///     if !sysconn::keep_panic(info) {
///         log::error!("{info}");
///     }
/// }));
/// ```
pub fn keep_panic(info: &PanicHookInfo<'_>) -> bool {
    let catches = CATCHES.get();
    if catches {
        KEPT.set(Some(describe(info)));
    }
    catches
}

/// A panic's message and location, on one line.
fn describe(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("no message");
    let location = info.location().map_or_else(String::new, |location| format!(" at {location}"));
    format!("{}{location}", Escaped(message))
}

/// Sets whether this library catches all panics of this thread.
pub(crate) fn catch_all(catches: bool) {
    CATCHES.set(catches);
}

/// Takes the message of this thread's last panic, if it was kept.
pub(crate) fn take() -> Option<String> {
    KEPT.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_kept_only_where_it_is_caught() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|info| {
            keep_panic(info);
        }));
        let panic = || std::panic::catch_unwind(|| panic!("by\nthe test")).is_err();
        assert!(panic() && take().is_none());
        catch_all(true);
        assert!(panic());
        catch_all(false);
        std::panic::set_hook(hook);
        let kept = take().unwrap_or_default();
        assert!(kept.starts_with(r"by\nthe test at src/panics.rs:"), "{kept}");
        assert_eq!(take(), None);
    }
}
