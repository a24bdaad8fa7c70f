//! The table of options. It is the only description of each: flags with their help, keys of the file and
//! names in the environment come from it.

use super::entry::{Entry, InEcho, entry};
use super::value_type::ValueType::*;

/// The options, in the order of the help.
pub(super) static TABLE: &[Entry] = &[
    entry(
        "listen",
        Addresses(|o| &mut o.config.listen),
        "127.0.0.1:9001",
        "Accept clients at this address; port 0 asks the system for a free one",
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
    entry(
        "health-path",
        OnePath(|o| &mut o.config.upgrade.health_path),
        "",
        "Answer GET and HEAD for this path 200, also when full, or 503 while draining; not given: no health checks",
    ),
    entry(
        "path",
        Paths(|o| &mut o.config.upgrade.paths),
        "",
        "Serve this path, or with /* at its end all below, and answer others 404; none given: all paths",
    ),
    entry(
        "origin",
        Origins(|o| &mut o.config.upgrade.origins),
        "",
        "Serve web pages of this origin, or of all hosts below https://*.HOST, and answer others 403; none given: any",
    ),
    entry(
        "subprotocol",
        Subprotocols(|o| &mut o.config.upgrade.subprotocols),
        "",
        "Speak this subprotocol, if the client offers it",
    ),
    entry(
        "subprotocol-required",
        Switch(|o| &mut o.config.upgrade.subprotocol_required),
        "false",
        "Answer 400 to clients that offer no subprotocol of the list; otherwise they go on without one",
    ),
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
    entry(
        "handshake-timeout",
        Timer(|o| &mut o.config.timers.handshake),
        "10s",
        "Time from accept to a complete upgrade request; 0: no limit",
    ),
    entry(
        "read-timeout",
        Timer(|o| &mut o.config.timers.read),
        "60s",
        "Time until the next frame, and for a whole message; 0: no limit",
    ),
    entry(
        "client-check",
        Timer(|o| &mut o.config.timers.client_check),
        "60s",
        "Close clients that sent no packet for so long; 0: never",
    )
    .in_echo(InEcho::NoEffect),
    entry(
        "account-check",
        Timer(|o| &mut o.config.timers.account_check),
        "300s",
        "Close clients that are not logged in after so long; 0: never",
    )
    .in_echo(InEcho::NoEffect),
    entry(
        "liveness",
        Liveness(|o| &mut o.config.timers.liveness),
        "packets",
        "What the client check takes for a sign of life",
    ),
    entry(
        "ping-interval",
        Timer(|o| &mut o.config.timers.ping_interval),
        "25s",
        "Send a Ping to clients that are silent for so long; 0: never",
    ),
    entry(
        "housekeeping",
        Timer(|o| &mut o.config.timers.housekeeping),
        "180s",
        "How often to give back memory that buffers do not use; 0: never",
    ),
    entry(
        "outbox-limit",
        SizeLimit(|o| &mut o.config.output.outbox_limit),
        "1MiB",
        "Bytes that may wait for a slow client, more by default where --max-len asks for it; 0: no limit",
    ),
    entry(
        "overflow",
        Overflow(|o| &mut o.config.output.overflow),
        "close",
        "What happens when a packet does not fit the outbox: close the connection, or drop the packet",
    ),
    entry(
        "compress-above",
        SizeLimit(|o| &mut o.config.output.compress_above),
        "0",
        "Compress the Data of replies above this size; 0: never",
    ),
    entry(
        "deflate",
        Deflate(|o| &mut o.config.output.deflate),
        "off",
        "Compress messages (permessage-deflate): each by itself, or with windows for each connection",
    ),
    entry(
        "deflate-above",
        Size(|o| &mut o.config.output.deflate_above),
        "128",
        "Send messages of fewer bytes as they are",
    )
    .in_echo(InEcho::Default("0")),
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
    entry(
        "record",
        Directory(|o| &mut o.record),
        "",
        "Record connections to files in this directory, for sysconn replay; not given: none",
    ),
    entry(
        "record-debugged",
        Switch(|o| &mut o.record_debugged),
        "false",
        "Record only connections under debug (command 9004), from then on",
    ),
    entry(
        "record-limit",
        Size(|o| &mut o.record_limit),
        "1MiB",
        "The longest recording, at least 16KiB; what comes then is left out",
    ),
    entry(
        "log",
        Level(|o| &mut o.log_level),
        "info",
        "The least severe messages that are logged: error, warn, info, debug, trace or off",
    ),
    entry(
        "log-format",
        LogFormat(|o| &mut o.log_format),
        "text",
        "How log lines are written: as text, or each as a JSON object",
    ),
    entry(
        "log-connections",
        LogConnections(|o| &mut o.config.log_connections),
        "200",
        "Log this many refusals, logins and ends of connections a second, of each, and five times as many at once",
    ),
    entry(
        "token-keys",
        File(|o| &mut o.auth.token_keys),
        "",
        "Accept logins (command 1002) only with a token that is signed with a key in this file",
    )
    .in_echo(InEcho::Absent),
    entry(
        "jwt-keys",
        File(|o| &mut o.auth.jwt_keys),
        "",
        "Accept logins (command 1002) only with a token: a JWT that is signed with a key in this JWK Set counts",
    )
    .in_echo(InEcho::Absent),
    entry(
        "jwt-issuer",
        Text(|o| &mut o.auth.jwt_issuer),
        "",
        "Accept only JWTs with this issuer (iss); not given: any",
    )
    .in_echo(InEcho::Absent),
    entry(
        "jwt-audience",
        Text(|o| &mut o.auth.jwt_audience),
        "",
        "Accept only JWTs that are for this audience (aud); not given: those without one",
    )
    .in_echo(InEcho::Absent),
    entry(
        "login-replay",
        LoginReplay(|o| &mut o.auth.denies_replay),
        "allow",
        "Whether a token is good for any number of logins until it expires, or deny: for one",
    )
    .in_echo(InEcho::Absent),
    entry(
        "auth",
        Auth(|o| &mut o.auth.open),
        "",
        "open: believe every login, on addresses other than loopback too",
    )
    .in_echo(InEcho::Absent),
    entry(
        "blacklist-time",
        Timer(|o| &mut o.blacklist.time),
        "1h",
        "Bar an account, or an address, for so long after Data that does not decode; 0: never",
    )
    .in_echo(InEcho::Absent),
    entry(
        "blacklist-after",
        Offences(|o| &mut o.blacklist.after),
        "3",
        "Bar an address from this many such offences within an hour on, at most 100; 0: never",
    )
    .in_echo(InEcho::Absent),
    entry(
        "data",
        Directory(|o| &mut o.data),
        "",
        "Keep accounts, the black list and used tokens in this directory, which is made if there is none; not given: in memory",
    )
    .in_echo(InEcho::Absent),
    entry(
        "wechat-appid",
        AppId(|o| &mut o.wechat_appid),
        "",
        "Log clients in with the login codes of this WeChat app (command 1001); not given: with none",
    )
    .in_echo(InEcho::Absent),
    entry(
        "wechat-secret-file",
        File(|o| &mut o.wechat_secret_file),
        "",
        "The secret of --wechat-appid is the one line of this file",
    )
    .in_echo(InEcho::Absent),
    entry(
        "wechat-url",
        BaseUrl(|o| &mut o.wechat_url),
        "https://api.weixin.qq.com",
        "Exchange the codes below this URL",
    )
    .in_echo(InEcho::Absent),
    entry(
        "wechat-timeout",
        Timeout(|o| &mut o.wechat_timeout),
        "5s",
        "The longest time that an exchange may take",
    )
    .in_echo(InEcho::Absent),
    entry(
        "diagnostics",
        Switch(|o| &mut o.diagnostics),
        "false",
        "Serve command 1106 too, whose handler panics",
    )
    .in_echo(InEcho::Absent),
];
