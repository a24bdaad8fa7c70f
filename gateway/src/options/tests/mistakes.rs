//! Each mistake, and the line that it gets.

use super::*;

/// What `--subprotocol` takes.
const TOKEN: &str = "a token: letters, digits and !#$%&'*+-.^_`|~";
/// What `--proxy-protocol` takes.
const PROXY: &str = "an IP address, a network such as 10.0.0.0/8 with no bits set beyond its length, or unix";
/// What `--socket-mode` takes.
const MODE: &str = "an octal mode from 0002 to 0777 that lets somebody write, such as 660";

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_bad_value_gets_the_same_line_from_every_source() {
    const SIZE: &str = "1 to 64MiB, in bytes or with a unit (KiB, MiB)";
    const BYTES: &str = "0 to 4294967295, in bytes or with a unit (KiB, MiB)";
    const COUNT: &str = "a whole number, 0 to 4294967295";
    const TIMER: &str = "0 (off), or 1ms to 168h with a unit (us, ms, s, m, h)";
    const SPIN: &str = "0 (off), or up to 168h with a unit (us, ms, s, m, h)";
    const ADDRESS: &str =
        "IP:PORT, [IPV6]:PORT, unix:PATH, systemd, or HOST:PORT with a host that can be found";
    const ONE_ADDRESS: &str = "IP:PORT, [IPV6]:PORT, unix:PATH, or HOST:PORT with a host that can be found";
    let long = format!("unix:{}", "x".repeat(200));
    const NAME: &str = "1 to 32 characters of a to z, 0 to 9 and -";
    const BUS: &str = "nats://HOST:PORT or tls://HOST:PORT, without a password (--cluster-credentials), or several separated by commas";
    const URL: &str = "https://HOST, with a port and a path if need be, or http:// with a loopback address";
    let cases: [(&str, &str, &[&str]); 36] = [
        (
            "max-len",
            SIZE,
            &["0", "67108865", "65MiB", "1kib", "1GiB", "1.5MiB", " 1", "+1", "0x10", "99999999999999999999"],
        ),
        ("max-len-before-login", BYTES, &["4294967296", "4096MiB", "18446744073709551615MiB", "KiB", "-1"]),
        ("outbox-limit", BYTES, &["NaN", "inf", "1e6"]),
        ("max-connections", COUNT, &["4294967296", "1KiB", "many", "-1"]),
        ("drain-rate", COUNT, &["1.0", "1/s"]),
        (
            "read-timeout",
            TIMER,
            &["60", "0.5", "s", ".5s", "1.s", "1..5s", "1 s", "-1s", "169h", "999us", "1d", "1S"],
        ),
        (
            "client-check",
            TIMER,
            &["99999999999999999999h", "0.00000000000000000000000000000000000000001s", "∞s"],
        ),
        ("spin", SPIN, &["0.0001us", "168.1h", "1"]),
        (
            "listen",
            ADDRESS,
            &[
                "127.0.0.1",
                ":9001",
                "999.1.1.1:80",
                "[::1]",
                "::1",
                "localhost:65536",
                "localhost:",
                "unix:",
                "systemd:",
                "systemd:a:b",
                &long,
            ],
        ),
        (
            "dev-listen",
            "127.0.0.1:PORT or [::1]:PORT",
            &["127.0.0.1", "0.0.0.0:80", "127.0.0.2:80", "[::]:80", "localhost:80", "unix:/a"],
        ),
        ("admin", ONE_ADDRESS, &["9091", "127.0.0.1", "unix:", "systemd"]),
        ("stall-warning", TIMER, &["50", "8d"]),
        ("proxy-protocol", PROXY, &["10.0.0.1/8", "::/129", "proxy.example", "10.0.0.1:80"]),
        ("forwarded-for", PROXY, &["10.0.0.1/8", "::/129", "proxy.example", "10.0.0.1:80"]),
        ("subprotocol", TOKEN, &["a b", "é"]),
        ("workers", "a whole number, 1 to 255", &["0", "256", "-1", "all"]),
        ("ipv6-prefix", "a whole number, 1 to 128", &["0", "129", "256", "-1", "64/"]),
        ("socket-mode", MODE, &["0", "444", "1777", "0o660", "668", "rw", "+77", "00660"]),
        ("cpu", "the number of a CPU, 0 to 1023", &["1024", "all"]),
        ("log", "error, warn, info, debug, trace or off", &["INFO", "loud"]),
        ("log-format", "text or json", &["JSON", "logfmt"]),
        ("log-connections", "a whole number from 1 up, all or off", &["0", "-1", "none", "4294967296"]),
        ("overflow", "close or drop", &["Close", "1"]),
        ("deflate", "off, shared or dedicated", &["Off", "1", "on"]),
        ("deflate-level", "a whole number, 1 to 6", &["0", "7", "-1", "fast"]),
        ("auth", "open, its only value", &["none"]),
        ("login-replay", "allow or deny", &["once", "true"]),
        ("blacklist-time", TIMER, &["1", "8d"]),
        ("blacklist-after", "a whole number, 0 to 100", &["101", "-1", "off"]),
        ("node", NAME, &["A", "a.b", "a>", "é", "a b", "a123456789b123456789c123456789d12"]),
        ("cluster-id", NAME, &["*"]),
        ("accounts-node", NAME, &["a_b"]),
        (
            "cluster",
            BUS,
            &[
                "a:4222",
                "nats://a",
                "nats://a:0",
                "nats://a:65536",
                "nats://u:p@a:4222",
                "nats://a:4222/x",
                "nats://999.1.1.1:4222",
                "nats://::1:4222",
                "nats://[a]:1",
                "ws://a:1",
            ],
        ),
        ("wechat-appid", "1 to 64 letters, digits, - and _", &["wx 1", "wx&secret=", "é"]),
        ("wechat-timeout", "1ms to 168h with a unit (us, ms, s, m, h)", &["0", "0s", "999us", "5"]),
        (
            "wechat-url",
            URL,
            &[
                "api.weixin.qq.com",
                "ftp://127.0.0.1",
                "https://",
                "https:///path",
                "https://a.example:0",
                "https://a.example:65536",
                "https://a.example:",
                "https://user@a.example",
                "https://a.example?query",
                "https://a.example/a?b",
                "https://a.example/#c",
                "https://a b.example",
                "https://[::1",
                "https://[127.0.0.1]",
                "https://999.1.1.1",
                "http://a.example",
                "http://10.0.0.1",
                "http://0.0.0.0",
                "http://[::2]:80",
                "http://127.0.0.1.a.example",
                "http://localhost.a.example",
                "http://127.0.0.1@a.example",
            ],
        ),
    ];
    for (name, expected, texts) in cases {
        let entry = entries().find(|entry| entry.name == name).expect(name);
        for text in texts {
            let given = match text.split_once('@') {
                _ if *text == long => format!("{}...", &long[..60]),
                // A user is not shown.
                Some((user, host)) => format!("{}://...@{host}", user.split_once("://").unwrap().0),
                None => (*text).to_owned(),
            };
            let reason =
                if *text == long { ": the path has 200 bytes, and the system takes 107 at most" } else { "" };
            let wrong =
                |origin: &str| format!("sysconn: {origin}: expected {expected}, not \"{given}\"{reason}");
            let (key, variable) = (entry.key(), entry.variable());
            assert_eq!(line(run(&[&format!("--{name}={text}")], "", &[])), wrong(&format!("--{name}")));
            assert_eq!(
                line(from_file("serve", &format!("{key} = '{}'", text))),
                wrong(&format!("{FILE}: {key}"))
            );
            assert_eq!(line(run(&[], "", &[(&variable, text)])), wrong(&variable));
        }
    }
}

#[test]
fn a_path_or_origin_that_can_match_nobody_gets_a_line_with_the_reason() {
    const PATH: &str = "a path such as /ws, or /ws/* for all below it";
    const HEALTH: &str = "a path such as /health";
    const ORIGIN: &str = "null, or an origin such as https://play.example.com or https://*.example.com";
    for (name, expected, text, reason) in [
        ("path", PATH, "ws", "a path begins with '/'"),
        ("path", PATH, "/ws*", "a '*' can only be the last part of a path, as in /ws/*"),
        ("path", PATH, "/a/../b", "clients resolve '.' and '..' before they ask"),
        ("health-path", HEALTH, "health", "a path begins with '/'"),
        ("health-path", HEALTH, "/health/*", "it stands for one path, and a '*' for many"),
        ("health-path", HEALTH, "/health?up", "a path ends before '?' and '#', and the rest is not compared"),
        ("origin", ORIGIN, "play.example.com", "an origin begins with its scheme, such as https://"),
        ("origin", ORIGIN, "https://a.example/", "an origin ends with its host or port, without a '/'"),
        ("origin", ORIGIN, "wss://a.example", "an origin is that of the page, whose scheme is https or http"),
    ] {
        let entry = entries().find(|entry| entry.name == name).expect(name);
        let wrong =
            |origin: &str| format!("sysconn: {origin}: expected {expected}, not \"{text}\": {reason}");
        let (key, variable) = (entry.key(), entry.variable());
        assert_eq!(line(run(&[&format!("--{name}={text}")], "", &[])), wrong(&format!("--{name}")));
        assert_eq!(
            line(from_file("serve", &format!("{key} = {}", array(entry, text)))),
            wrong(&format!("{FILE}: {key}"))
        );
        assert_eq!(line(run(&[], "", &[(&variable, text)])), wrong(&variable));
    }
}

/// A value as it stands in a file.
fn array(entry: &Entry, text: &str) -> String {
    if entry.value_type.is_repeatable() { format!("['{text}']") } else { format!("'{text}'") }
}

#[test]
fn health_checks_and_clients_do_not_share_a_path() {
    for (path, health, is_valid) in [
        ("/ws", "/health", true),
        ("/ws", "/ws/health", true),
        ("/ws", "/WS", true),
        ("/ws", "/ws", false),
        ("/ws/*", "/ws/health", false),
        ("/*", "/health", false),
    ] {
        let given = [format!("--path={path}"), format!("--health-path={health}")];
        let result = run(&[&given[0], &given[1]], "", &[]);
        if is_valid {
            assert!(result.is_ok(), "{given:?}");
        } else {
            let expected = "a path that is none of path, or no client could connect there";
            let wrong = format!("sysconn: --health-path: expected {expected}, not \"{health}\"");
            assert_eq!(line(result), wrong);
        }
    }
    // By default all paths are served, and the path of health checks would shadow one.
    assert!(run(&["--health-path=/"], "", &[]).is_ok());
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn other_mistakes_on_the_command_line() {
    let long = format!("--{}", "x".repeat(100));
    let cut = format!("sysconn: unknown argument \"--{}...\"", "x".repeat(58));
    let cases: [(&[&str], &str); 37] = [
        (&["--max-lne", "5"], r#"sysconn: unknown argument "--max-lne"; did you mean --max-len?"#),
        (&["--max_len=5"], r#"sysconn: unknown argument "--max_len"; did you mean --max-len?"#),
        (&["--a\nb\x1b"], r#"sysconn: unknown argument "--a\nb\u{1b}""#),
        (&[&long], &cut),
        (
            &["ecoh"],
            r#"sysconn: unknown command "ecoh": expected serve, echo, check-config, healthcheck, config, completions, replay, accounts, blacklist, token, call, routes, referee, bench or top (see --help)"#,
        ),
        (&["accounts"], "sysconn: expected list, show or remove"),
        (&["accounts", "x"], r#"sysconn: unknown command "x": expected list, show or remove (see --help)"#),
        (&["accounts", "list"], "sysconn: expected --data <DIR>"),
        (&["accounts", "show", "--data", "d"], "sysconn: expected <ROLE_ID>"),
        (&["accounts", "remove"], "sysconn: expected --data <DIR> and <ROLE_ID>"),
        (
            &["accounts", "show", "--data=d", "x1"],
            "sysconn: invalid value 'x1' for '<ROLE_ID>': invalid digit found in string",
        ),
        (&["--wechat-secret=0123456789abcdef"], r#"sysconn: unknown argument "--wechat-secret""#),
        (&["replay"], "sysconn: replay: expected the FILE of a recording"),
        (&["token", "--role", "1"], "sysconn: expected --token-keys <FILE> and --account <NAME>"),
        (
            &["token", "--lifetime", "999ms"],
            "sysconn: invalid value '999ms' for '--lifetime <DURATION>': expected 1s to 168h",
        ),
        (
            &["token", "--kind", "player"],
            "sysconn: invalid value 'player' for '--kind <KIND>': expected tester, game-server or monitor",
        ),
        // What clap has further lines for.
        (
            &["bench", "ws://a", "--size=3", "--text=hi", "--hex=00"],
            "sysconn: the argument '--size <BYTES>' cannot be used with: --text <TEXT> or --hex <HEX>",
        ),
        (
            &["bench", "ws://a", "--fan-out=2", "--churn=1"],
            "sysconn: the argument '--fan-out <N>' cannot be used with '--churn <N>'",
        ),
        (
            &["bench", "ws://a", "--fan-out=2", "--churn=1", "--replies=2"],
            "sysconn: the argument '--fan-out <N>' cannot be used with: --churn <N> or --replies <N>",
        ),
        (
            &["bench", "ws://a", "--output=xml"],
            "sysconn: invalid value 'xml' for '--output <FORMAT>': expected text, json or csv",
        ),
        (
            &["bench", "ws://a", "--output="],
            "sysconn: a value is required for '--output <FORMAT>' but none was supplied: expected text, json or csv",
        ),
        (&["token", "--data", "x"], r#"sysconn: "--data" is for serve, not for this command"#),
        (&["replay", "a", "b"], r#"sysconn: unknown argument "b""#),
        (&["--record-limit=16383"], r#"sysconn: --record-limit: expected at least 16384, not "16383""#),
        (&["--record="], r#"sysconn: --record: expected the path of a directory, not """#),
        (&["serve", "x"], r#"sysconn: unknown argument "x""#),
        (&["echo", "--diagnostics"], r#"sysconn: "--diagnostics" is for serve, not for this command"#),
        (&["--diagnostics=yes"], r#"sysconn: --diagnostics: expected true or false, not "yes""#),
        (
            &["--subprotocol-required"],
            r#"sysconn: --subprotocol-required: expected false, or a --subprotocol beside it, not "true""#,
        ),
        (&["--max-len"], "sysconn: a value is required for '--max-len <BYTES>' but none was supplied"),
        (
            &["--max-len", "-5"],
            "sysconn: --max-len: expected 1 to 64MiB, in bytes or with a unit (KiB, MiB), not \"-5\"",
        ),
        (
            &["--spin=0", "--spin=0"],
            "sysconn: the argument '--spin <DURATION>' cannot be used multiple times",
        ),
        (
            &["--outbox-limit=524308"],
            r#"sysconn: --outbox-limit: expected 0 (off), or at least 524309, which is --max-len and 21 bytes, not "524308""#,
        ),
        (
            &["--listen=[::ffff:127.0.0.1]:0", "--ipv6-only"],
            r#"sysconn: --ipv6-only: expected false, or no IPv4-mapped address to listen on, not "true""#,
        ),
        (
            &["--max-len=8"],
            r#"sysconn: --max-len: expected at least 9, the header that every packet has, not "8""#,
        ),
        (
            &["--max-len-before-login=8"],
            r#"sysconn: --max-len-before-login: expected 0 (off), or at least 9, the header that every packet has, not "8""#,
        ),
        (
            &["--max-len-before-login=1MiB"],
            r#"sysconn: --max-len-before-login: expected at most 524288, which is --max-len, not "1MiB""#,
        ),
    ];
    for (arguments, expected) in cases {
        assert_eq!(line(run(arguments, "", &[])), expected);
    }
}

#[test]
fn other_mistakes_in_the_file() {
    let cases = [
        ("max_lne = 5", r#"unknown key "max_lne"; did you mean max_len?"#),
        ("max-len = 5", r#"unknown key "max-len"; did you mean max_len?"#),
        ("config = 's.toml'", r#"unknown key "config""#),
        ("[serve]", r#"unknown key "serve""#),
        ("\"a\\nb\" = 1", r#"unknown key "a\nb""#),
        ("max_len = 1.5", "max_len: expected 1 to 64MiB, in bytes or with a unit (KiB, MiB), not 1.5"),
        ("max_len = -5", r#"max_len: expected 1 to 64MiB, in bytes or with a unit (KiB, MiB), not "-5""#),
        ("spin = nan", "spin: expected 0 (off), or up to 168h with a unit (us, ms, s, m, h), not nan"),
        ("workers = [1]", "workers: expected a whole number, 1 to 255, not [1]"),
        ("overflow = true", "overflow: expected close or drop, not true"),
        ("path = ['/a', 5]", "path: expected a path such as /ws, or /ws/* for all below it, not 5"),
        ("diagnostics = 'true'", r#"diagnostics: expected true or false, not "true""#),
        ("listen = []", "listen: expected at least one address, not an empty list"),
    ];
    for (file, expected) in cases {
        assert_eq!(line(from_file("serve", file)), format!("sysconn: {FILE}: {expected}"));
    }
    // What follows is the parser's own wording.
    for (file, place) in [
        ("spin = 0\nü = 1", "line 2, column 1: "),
        ("cpu = ", "line 1, column 7: "),
        ("cpu=1\ncpu=1", "line 2, column 1: "),
    ] {
        let line = line(from_file("serve", file));
        assert!(line.starts_with(&format!("sysconn: {FILE}: {place}")), "{line}");
        assert!(!line.contains('\n'), "{line}");
    }
    let bytes = file::parse(Path::new("a\nb"), Ok(b"cpu = 1\n# \xff".to_vec())).mistakes;
    assert_eq!(bytes, [Exit::Error(r"sysconn: a\nb: line 2, column 3: not UTF-8".to_owned())]);
    let missing = file::parse(Path::new(FILE), Err(io::ErrorKind::NotFound.into())).mistakes;
    assert_eq!(
        missing,
        [Exit::Error(format!("sysconn: --config: {FILE}: cannot be read: entity not found"))]
    );
}

#[test]
fn unknown_variables_are_collected_and_empty_ones_are_none() {
    let env = [
        ("SYSCONN_SERVICE_HOST", "10.0.0.1"),
        ("SYSCONN_PORT\x1b", "x"),
        ("SYSCONN_MAX_LEN", ""),
        ("SYSCONN_CONFIG", ""),
        ("SYSCONN_GONE", ""),
        ("MAX_LEN", "x"),
        ("sysconn_max_len", "x"),
    ];
    let options = run(&[], "", &env).expect("valid options");
    assert_eq!(options.ignored_environment, [r"SYSCONN_PORT\u{1b}", "SYSCONN_SERVICE_HOST"]);
}

#[test]
#[cfg(unix)]
fn bytes_that_are_not_utf_8_are_refused_in_one_line() {
    use std::os::unix::ffi::OsStringExt;

    let bad = OsString::from_vec(b"a\xff".to_vec());
    let load = |args: &[OsString], env: &[(OsString, OsString)]| {
        line(options(load_with(args.iter().cloned(), env.iter().cloned(), |_| Ok(Vec::new()))))
    };
    let expected = "expected close or drop, not \"a\\xff\"";
    let name = OsString::from("sysconn");
    let flag = load(&[name.clone(), "--overflow".into(), bad.clone()], &[]);
    assert_eq!(flag, format!("sysconn: --overflow: {expected}"));
    let env = load(std::slice::from_ref(&name), &[("SYSCONN_OVERFLOW".into(), bad.clone())]);
    assert_eq!(env, format!("sysconn: SYSCONN_OVERFLOW: {expected}"));
    let list = load(std::slice::from_ref(&name), &[("SYSCONN_PATH".into(), bad.clone())]);
    assert!(list.starts_with("sysconn: SYSCONN_PATH: expected a path"), "{list}");
    assert!(load(&[name, bad], &[]).starts_with("sysconn: unknown command"));

    let odd = OsString::from_vec(b"SYSCONN_\xff".to_vec());
    let options = options(load_with([].into_iter(), [(odd, "1".into())].into_iter(), |_| Ok(Vec::new())));
    assert_eq!(options.map(|options| options.ignored_environment), Ok(vec![r"SYSCONN_\xff".to_owned()]));
}
