//! SIGTERM and SIGINT: the first one drains, a second one ends the program at once. SIGHUP has files read
//! again, and never ends the program.

use nix::sys::signal::SigSet;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use sysconn::ServerHandle;

use super::reload::Reload;

/// Signals that are caught, for the thread that is to watch for them.
pub(crate) struct Caught(Signals);

/// Unblocks all signals: a parent can leave a program a mask in which some are blocked. To be called before
/// there is another thread, each of which has the mask of the one that starts it.
///
/// # Errors
/// One line that says why that cannot be done.
pub(crate) fn unblock() -> Result<(), String> {
    SigSet::all().thread_unblock().map_err(|error| format!("signals: {error}"))
}

/// Catches SIGHUP from now on, so that it does not end a program that still starts, and unblocks all signals.
///
/// # Errors
/// One line that says why signals cannot be caught.
pub(crate) fn catch() -> Result<Caught, String> {
    let signals = Signals::new([SIGHUP]).map_err(|error| format!("signals: {error}"))?;
    unblock()?;
    Ok(Caught(signals))
}

impl Caught {
    /// Catches SIGTERM and SIGINT too, so that they end no program that has clients without draining it.
    ///
    /// # Errors
    /// One line that says why they cannot be caught.
    pub(crate) fn catch_ends(&self) -> Result<(), String> {
        let catch = |signal| self.0.add_signal(signal).map_err(|error| format!("signals: {error}"));
        [SIGTERM, SIGINT].into_iter().try_for_each(catch)
    }

    /// Watches for the signals on a thread of its own, which waits for nothing else.
    ///
    /// # Errors
    /// One line that says why they cannot be watched for.
    pub(crate) fn watch(mut self, server: ServerHandle, reload: Reload) -> Result<(), String> {
        let watch = move || {
            let mut draining = false;
            for signal in self.0.forever() {
                if signal == SIGHUP {
                    reload.begin();
                    continue;
                }
                if draining {
                    // As a shell reports a process that the signal ended.
                    std::process::exit(128 + signal);
                }
                draining = true;
                server.drain();
            }
        };
        let thread = std::thread::Builder::new().name("signals".into()).spawn(watch);
        thread.map(drop).map_err(|error| format!("signals: {error}"))
    }
}
