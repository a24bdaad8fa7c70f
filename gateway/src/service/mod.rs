//! What the program and a service manager, such as systemd, tell each other: sockets that are passed,
//! notifications of the program's state, and its watchdog.

mod notify;
mod sockets;
mod watchdog;

pub(crate) use notify::{ServiceManager, State};
pub(crate) use sockets::take_sockets;
pub(crate) use watchdog::{feed as feed_watchdog, period_from_environment as watchdog_period};
