//! SIGTERM and SIGINT: the first one drains, a second one ends the program at once. SIGHUP reads the
//! certificate and the keys of logins again, where there are any; where there are none it ends the program as it would
//! any other.

use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use sysconn::ServerHandle;

use super::tls::TlsFiles;
use super::token_keys::TokenKeys;

/// Watches for the signals on a thread of its own.
///
/// # Errors
/// One line that says why they cannot be watched for.
pub(crate) fn watch(
    server: ServerHandle,
    tls: Option<TlsFiles>,
    keys: Option<Arc<TokenKeys>>,
) -> Result<(), String> {
    let has_files = tls.is_some() || keys.is_some();
    let watched = if has_files { &[SIGTERM, SIGINT, SIGHUP][..] } else { &[SIGTERM, SIGINT] };
    let mut signals = Signals::new(watched).map_err(|error| format!("signals: {error}"))?;
    let watch = move || {
        let mut draining = false;
        for signal in signals.forever() {
            if signal == SIGHUP {
                reload(&server, tls.as_ref(), keys.as_deref());
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

/// Reads the files again. What cannot be used stays as it was, and the other is taken.
fn reload(server: &ServerHandle, tls: Option<&TlsFiles>, keys: Option<&TokenKeys>) {
    let set_tls = |files: &TlsFiles| server.set_tls(files.load()?).map_err(|error| error.to_string());
    if let Some(Err(line)) = tls.map(set_tls) {
        log::error!("the certificate stays as it was: {line}");
    }
    match keys.map(TokenKeys::reload) {
        Some(Ok(())) => log::info!("the keys of logins were read again"),
        Some(Err(line)) => log::error!("the keys of logins stay as they were: {line}"),
        None => {}
    }
}
