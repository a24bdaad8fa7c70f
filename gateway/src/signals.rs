//! SIGTERM and SIGINT: the first drains, the second ends the program at once. SIGHUP reloads files, and never
//! ends the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::SigSet;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::reload::Reload;
use crate::service::{ServiceManager, State};

/// Caught signals, for the thread that handles them.
pub(crate) struct Caught(Signals);

/// Unblocks all signals, some of which a parent can have blocked. Call it before there is another thread:
/// threads inherit the mask of the thread that starts them.
///
/// # Errors
/// One line that says why that cannot be done.
pub(crate) fn unblock() -> Result<(), String> {
    SigSet::all().thread_unblock().map_err(|error| format!("signals: {error}"))
}

/// Catches SIGHUP, so that it does not end a program that is still starting, and unblocks all signals.
///
/// # Errors
/// One line that says why signals cannot be caught.
pub(crate) fn catch() -> Result<Caught, String> {
    let signals = Signals::new([SIGHUP]).map_err(|error| format!("signals: {error}"))?;
    unblock()?;
    Ok(Caught(signals))
}

impl Caught {
    /// Catches SIGTERM and SIGINT too, so that they drain a program that has clients.
    ///
    /// # Errors
    /// One line that says why they cannot be caught.
    pub(crate) fn catch_ends(&self) -> Result<(), String> {
        let catch = |signal| self.0.add_signal(signal).map_err(|error| format!("signals: {error}"));
        [SIGTERM, SIGINT].into_iter().try_for_each(catch)
    }

    /// Handles the signals on a thread of its own, which waits for nothing else. When the drain begins,
    /// `is_draining` is set, the service manager is told `draining_state`, and `drain` is called.
    ///
    /// # Errors
    /// One line that says why the thread cannot be started.
    pub(crate) fn watch(
        mut self,
        drain: impl Fn() + Send + 'static,
        reload: Reload,
        manager: ServiceManager,
        draining_state: State,
        is_draining: Arc<AtomicBool>,
    ) -> Result<(), String> {
        let watch = move || {
            for signal in self.0.forever() {
                if signal == SIGHUP {
                    reload.begin();
                    continue;
                }
                if is_draining.load(Ordering::Relaxed) {
                    // The status that a shell reports for a process that the signal ended.
                    std::process::exit(128 + signal);
                }
                is_draining.store(true, Ordering::Relaxed);
                manager.tell(&draining_state);
                drain();
            }
        };
        let thread = std::thread::Builder::new().name("signals".into()).spawn(watch);
        thread.map(drop).map_err(|error| format!("signals: {error}"))
    }
}
