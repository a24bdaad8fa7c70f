//! What the program and a service manager, such as systemd, tell each other: sockets that are passed, and
//! notifications of the program's state.

mod notify;
mod sockets;

pub(crate) use notify::{ServiceManager, State};
pub(crate) use sockets::{PassedSocket, take_sockets};
