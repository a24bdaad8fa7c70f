//! Options: the process: shutdown and threads.

use super::super::entry::{Entry, entry};
use super::super::value_type::ValueType::*;

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        "drain-delay",
        Delay(|o| &mut o.config.drain.delay),
        "0",
        "Serve on for so long at shutdown, while health checks fail; 0: do not",
    ),
    entry(
        "drain-timeout",
        Timer(|o| &mut o.config.drain.timeout),
        "5s",
        "Time that clients have to leave at shutdown; 0: no limit",
    ),
    entry(
        "drain-rate",
        Rate(|o| &mut o.config.drain.rate),
        "0",
        "Clients told to leave per second at shutdown; 0: all at once",
    ),
    entry(
        "workers",
        Workers(|o| &mut o.config.workers),
        "1",
        "Reactor threads, between which the clients are distributed; at most 255",
    ),
    entry(
        "spin",
        Spin(|o| &mut o.config.reactor.spin),
        "0",
        "Poll without sleeping for so long before sleeping; 0: sleep at once",
    ),
    entry(
        "cpu",
        Cpu(|o| &mut o.cpu),
        "",
        "Pin the reactor to this CPU, counted from 0, and each further worker to the next; not given: any",
    ),
];
