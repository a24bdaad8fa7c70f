//! Options: what one client, and all together, may use.

use super::super::entry::{Entry, entry};
use super::super::value_type::ValueType::*;

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        "max-len",
        MessageSize(|o| &mut o.config.limits.max_len),
        "512KiB",
        "The longest message, its fragments summed; at most 64MiB",
    ),
    entry(
        "max-len-before-login",
        SizeLimit(|o| &mut o.config.limits.max_len_before_login),
        "0",
        "The same for clients that have not logged in; 0: as --max-len",
    ),
    entry(
        "max-connections",
        Count(|o| &mut o.config.limits.max_connections),
        "0",
        "Clients at one time; 0: what the descriptor limit allows",
    ),
    entry(
        "max-connections-per-ip",
        Count(|o| &mut o.config.limits.max_connections_per_ip),
        "4096",
        "Clients at one time from one IP address, or one IPv6 network (--ipv6-prefix); 0: no limit",
    ),
    entry(
        "ipv6-prefix",
        Prefix(|o| &mut o.config.limits.ipv6_prefix),
        "64",
        "Count and bar IPv6 clients by this many leading bits of their addresses; 128: each address by itself",
    ),
    entry(
        "max-packets-per-second",
        Rate(|o| &mut o.config.limits.max_packets_per_second),
        "0",
        "Packets that a client may send in a second; 0: no limit",
    ),
];
