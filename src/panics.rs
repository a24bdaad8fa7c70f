//! What a panic said, kept from the panic hook until the line that the log has about it.

use std::cell::{Cell, RefCell};
use std::panic::PanicHookInfo;

use crate::log_line::Escaped;

thread_local! {
    /// Whether all panics of this thread are caught by this library, which logs them.
    static CATCHES: Cell<bool> = const { Cell::new(false) };
    static KEPT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// For an application's panic hook: keeps a panic's message and place for the line that the library logs once it
/// has caught the panic, so that each panic is one line, within the allowance of bad input.
///
/// True on the threads of [`Workers`](crate::Workers), where all panics are caught. False elsewhere, and nothing
/// was done: the hook has to see to it.
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

/// A panic's message and place, on one line.
fn describe(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("no message");
    let place = info.location().map_or_else(String::new, |place| format!(" at {place}"));
    format!("{}{place}", Escaped(message))
}

/// All panics of this thread are caught from now on, or no longer.
pub(crate) fn catch_all(catches: bool) {
    CATCHES.set(catches);
}

/// What the last panic of this thread said, if that was kept.
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
