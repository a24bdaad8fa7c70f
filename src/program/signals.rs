//! SIGTERM and SIGINT: the first one drains, a second one ends the program at once. SIGHUP reads the
//! certificate again, where there is one; where there is none it ends the program as it would any other.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use sysconn::ServerHandle;

use super::tls::TlsFiles;

/// Watches for the signals on a thread of its own.
///
/// # Errors
/// One line that says why they cannot be watched for.
pub(crate) fn watch(server: ServerHandle, tls: Option<TlsFiles>) -> Result<(), String> {
    let watched = if tls.is_some() { &[SIGTERM, SIGINT, SIGHUP][..] } else { &[SIGTERM, SIGINT] };
    let mut signals = Signals::new(watched).map_err(|error| format!("signals: {error}"))?;
    let watch = move || {
        let mut draining = false;
        for signal in signals.forever() {
            if signal == SIGHUP {
                reload(&server, tls.as_ref());
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

/// Reads the certificate again. If it cannot be used the one before stays.
fn reload(server: &ServerHandle, tls: Option<&TlsFiles>) {
    let Some(files) = tls else { return };
    let result = files.load().and_then(|tls| server.set_tls(tls).map_err(|error| error.to_string()));
    if let Err(line) = result {
        log::error!("the certificate stays as it was: {line}");
    }
}
