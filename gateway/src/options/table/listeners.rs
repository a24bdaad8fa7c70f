//! Options: addresses, and what stands before them.

use super::super::entry::{Entry, InEcho, entry};
use super::super::value_type::ValueType::*;

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        "listen",
        Addresses,
        "127.0.0.1:9001",
        "Accept clients at this address; port 0 asks the system for a free one; systemd: at the sockets of its socket unit, or systemd:NAME: at one of them",
    )
    .in_echo(InEcho::Default("127.0.0.1:9002")),
    entry(
        "ipv6-only",
        Switch(|o| &mut o.config.listeners.ipv6_only),
        "false",
        "Take no IPv4 clients on [::], which takes both unless an IPv4 address of the same port is listed",
    ),
    entry(
        "socket-mode",
        FileMode(|o| &mut o.config.listeners.socket_mode),
        "",
        "The mode of Unix sockets, in octal, such as 660: who may write may connect; not given: by the umask",
    ),
    entry(
        "tls-cert",
        File(|o| &mut o.tls_cert),
        "",
        "Speak TLS on all TCP addresses, with the certificate chain in this PEM file",
    ),
    entry("tls-key", File(|o| &mut o.tls_key), "", "The private key of --tls-cert, in PEM"),
    entry(
        "proxy-protocol",
        Proxies(|o| &mut o.config.proxies.proxy_protocol),
        "",
        "Take the client's address from the PROXY header that this proxy must send; none given: from nobody",
    ),
    entry(
        "forwarded-for",
        Proxies(|o| &mut o.config.proxies.forwarded_for),
        "",
        "Take the client's address from what this HTTP proxy says in X-Forwarded-For or Forwarded; none given: from nobody",
    ),
];
