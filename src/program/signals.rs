//! SIGTERM and SIGINT: the first one drains, a second one ends the program at once.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use sysconn::ServerHandle;

/// Watches for the signals on a thread of its own.
///
/// # Errors
/// One line that says why they cannot be watched for.
pub(crate) fn watch(server: ServerHandle) -> Result<(), String> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(|error| format!("signals: {error}"))?;
    let watch = move || {
        let mut draining = false;
        for signal in signals.forever() {
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
