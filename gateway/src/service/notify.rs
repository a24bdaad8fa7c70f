//! Notifications to the service manager (sd_notify(3)): datagrams to the socket that NOTIFY_SOCKET names.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The longest wait for a manager whose queue is full: one that is busy must learn of the start, and one that
/// never reads must not hold the program up.
const PATIENCE: Duration = Duration::from_secs(1);
/// What the end of the program may take after the drain, to cut clients off and close the store: the manager
/// is asked for that much more.
const END: Duration = Duration::from_secs(5);

/// What the program tells its service manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It accepts clients, at these addresses.
    Serving(String),
    /// It reads files again. `Serving` follows.
    Reloading,
    /// It drains. That takes at most so long, unless there is no limit. Nothing but `Alive` follows.
    Draining(Option<Duration>),
    /// No worker hangs.
    Alive,
}

/// The service manager that has started the program, if one has. Its clones share what was told.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceManager {
    /// A path, or a name that is not in the file system and begins with `@`.
    socket: Option<OsString>,
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default)]
struct Told {
    /// It drains. What a reload has to tell would hide that.
    is_draining: bool,
    /// The last message was lost, and the log has said so.
    has_failed: bool,
}

impl ServiceManager {
    pub(crate) fn from_environment() -> Self {
        let socket = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty());
        ServiceManager { socket, told: Arc::default() }
    }

    #[cfg(test)]
    pub(super) fn at(path: &std::path::Path) -> Self {
        ServiceManager { socket: Some(path.as_os_str().to_owned()), told: Arc::default() }
    }

    /// Tells it, but once the program drains no longer of reloads. An error is logged, the first of several
    /// in a row: the program does not depend on it.
    pub(crate) fn tell(&self, state: &State) {
        let Some(socket) = &self.socket else { return };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match state {
            State::Serving(_) | State::Reloading if told.is_draining => return,
            State::Draining(_) => told.is_draining = true,
            _ => {}
        }
        // The side thread, which feeds the watchdog, waits for nobody; the next time is soon.
        let waits = *state != State::Alive && !told.has_failed;
        match send(socket, &text(state), waits) {
            Ok(()) => told.has_failed = false,
            Err(error) => {
                if !std::mem::replace(&mut told.has_failed, true) {
                    log::warn!("the service manager cannot be told ({state:?}): {error}");
                }
            }
        }
    }
}

fn text(state: &State) -> String {
    match state {
        State::Serving(addresses) => format!("READY=1\nSTATUS=listening on {addresses}\n"),
        State::Reloading => {
            let now = clock_gettime(ClockId::Monotonic);
            let usec = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
            format!("RELOADING=1\nMONOTONIC_USEC={usec}\nSTATUS=reading files again\n")
        }
        State::Draining(limit) => {
            let extend = limit.map(|limit| format!("EXTEND_TIMEOUT_USEC={}\n", (limit + END).as_micros()));
            format!("STOPPING=1\nSTATUS=draining\n{}", extend.unwrap_or_default())
        }
        State::Alive => "WATCHDOG=1\n".to_owned(),
    }
}

/// Sends a message. If the manager's queue is full, it is lost, or with `waits` only after a while.
fn send(socket: &OsStr, text: &str, waits: bool) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let sender = UnixDatagram::unbound()?;
    match waits {
        true => sender.set_write_timeout(Some(PATIENCE))?,
        false => sender.set_nonblocking(true)?,
    }
    sender.send_to_addr(text.as_bytes(), &address).map(drop)
}
