//! The listening sockets that systemd passes to the program (sd_listen_fds(3)).

use std::ffi::OsString;

use listenfd::ListenFd;
use sysconn::config::Inherited;

use crate::options::PassedSocket;

/// The names of the sockets, separated by colons.
const NAMES: &str = "LISTEN_FDNAMES";

/// Takes the sockets that this process was passed. Call it before there is another thread: it changes the
/// environment.
///
/// # Errors
/// One line that names what is no listening stream socket.
pub(crate) fn take_sockets() -> Result<Vec<PassedSocket>, String> {
    let names = std::env::var_os(NAMES).map(OsString::into_encoded_bytes).unwrap_or_default();
    let mut names = names.split(|byte| *byte == b':').map(|name| String::from_utf8_lossy(name).into_owned());
    let mut passed = ListenFd::from_env();
    (0..passed.len())
        .map(|index| {
            let name = names.next().filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned());
            let listener = match passed.take_tcp_listener(index) {
                Ok(Some(listener)) => Some(Inherited::from(listener)),
                _ => passed.take_unix_listener(index).ok().flatten().map(Inherited::from),
            };
            let refused = || format!("socket {index} of systemd ({name}) is no stream socket of TCP or Unix");
            listener.ok_or_else(refused).map(|listener| PassedSocket { name: name.clone(), listener })
        })
        .collect()
}
