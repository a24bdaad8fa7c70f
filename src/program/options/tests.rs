//! Tables of what each source may say, and of the line that each mistake gets.

use std::path::Path;

use super::table::{Echo, TABLE};
use super::*;

/// Names and values of environment variables.
type Env<'a> = &'a [(&'a str, &'a str)];

const FILE: &str = "s.toml";
const EXAMPLE: &str = include_str!("../../../sysconn.example.toml");

/// Runs `load` on a command line, with `file` as the content of any file that it names.
fn run(line: &[&str], file: &str, env: Env<'_>) -> Result<Options, Exit> {
    let args = ["sysconn"].iter().chain(line).map(OsString::from);
    let env = env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    options(load_with(args, env, |path: &Path| {
        assert_eq!(path, Path::new(FILE));
        Ok(file.as_bytes().to_vec())
    }))
}

fn options(task: Result<Task, Exit>) -> Result<Options, Exit> {
    task.map(|task| match task {
        Task::Serve(options) => *options,
        Task::Replay(replay) => panic!("{replay:?}"),
    })
}

fn from_file(mode: &str, file: &str) -> Result<Options, Exit> {
    run(&[mode, "--config", FILE], file, &[])
}

/// Everything in the options, to compare: `Config` has no equality.
fn all(options: Result<Options, Exit>) -> String {
    format!("{:#?}", options.expect("valid options"))
}

fn line(result: Result<Options, Exit>) -> String {
    match result {
        Err(Exit::Error(line)) => line,
        other => panic!("no error: {other:?}"),
    }
}

#[test]
fn every_option_has_the_same_effect_from_flag_file_and_environment() {
    // Name, value of flag and environment, value in the file, what the options then contain.
    let cases = [
        ("listen", "[::1]:0", r#"["[::1]:0"]"#, "[::1]:0,"),
        ("tls-cert", "c.pem", r#""c.pem""#, r#"tls_cert: Some("c.pem",),"#),
        ("tls-key", "k.pem", r#""k.pem""#, r#"tls_key: Some("k.pem",),"#),
        ("path", "/ws", r#"["/ws"]"#, r#"paths: ["/ws",],"#),
        ("origin", "https://a.example", r#"["https://a.example"]"#, r#"origins: ["https://a.example",],"#),
        ("subprotocol", "game.v1", r#"["game.v1"]"#, r#"subprotocols: ["game.v1",],"#),
        ("max-len", "64KiB", r#""64KiB""#, "max_len: 65536,"),
        ("max-len-before-login", "100", "100", "max_len_before_login: 100,"),
        ("max-connections", "7", "7", "max_connections: 7,"),
        ("max-connections-per-ip", "8", "8", "max_connections_per_ip: 8,"),
        ("max-packets-per-second", "9", "9", "max_packets_per_second: 9,"),
        ("handshake-timeout", "1ms", r#""1ms""#, "handshake_timeout: 1ms,"),
        ("read-timeout", "1.5s", r#""1.5s""#, "read_timeout: 1.5s,"),
        ("client-check", "5m", r#""5m""#, "client_check: 300s,"),
        ("account-check", "2h", r#""2h""#, "account_check: 7200s,"),
        ("liveness", "frames", r#""frames""#, "liveness: Frames,"),
        ("ping-interval", "0", "0", "ping_interval: 0ns,"),
        ("housekeeping", "168h", r#""168h""#, "housekeeping: 604800s,"),
        ("outbox-limit", "2MiB", r#""2MiB""#, "outbox_limit: 2097152,"),
        ("overflow", "drop", r#""drop""#, "overflow: Drop,"),
        ("deflate", "shared", r#""shared""#, "deflate: Shared,"),
        ("deflate-above", "1KiB", r#""1KiB""#, "deflate_above: 1024,"),
        ("compress-above", "1KiB", "1024", "compress_above: 1024,"),
        ("drain-timeout", "250ms", r#""250ms""#, "drain_timeout: 250ms,"),
        ("drain-rate", "4294967295", "4294967295", "drain_rate: 4294967295,"),
        ("workers", "255", "255", "workers: 255,"),
        ("spin", "50us", r#""50us""#, "spin: 50µs,"),
        ("cpu", "0", "0", "cpu: Some(0,),"),
        ("record", "/var/r", r#""/var/r""#, r#"record: Some("/var/r",),"#),
        ("record-debugged", "true", "true", "record_debugged: true,"),
        ("record-limit", "16KiB", "16384", "record_limit: 16384,"),
        ("log", "trace", r#""trace""#, "log_level: Trace,"),
        ("token-keys", "/etc/keys", r#""/etc/keys""#, r#"token_keys: Some("/etc/keys",),"#),
        ("auth", "open", r#""open""#, "open_auth: true,"),
        ("diagnostics", "true", "true", "diagnostics: true,"),
    ];
    let defaults = all(run(&[], "", &[]));
    for (name, text, toml, effect) in cases {
        let entry = TABLE.iter().find(|entry| entry.name == name).expect(name);
        let from_flag = all(run(&[&format!("--{name}={text}")], "", &[]));
        let dense: String = from_flag.split_whitespace().collect();
        let effect: String = effect.split_whitespace().collect();
        assert!(dense.contains(&effect), "{name}: {effect} is not in {dense}");
        assert_ne!(from_flag, defaults, "{name}");
        assert_eq!(from_flag, all(from_file("serve", &format!("{} = {toml}", entry.key()))), "{name}");
        assert_eq!(from_flag, all(run(&["serve"], "", &[(&entry.variable(), text)])), "{name}");
    }
    // A subprotocol can only be required where there is one.
    let required = all(run(&["--subprotocol=v1", "--subprotocol-required"], "", &[]));
    assert!(required.contains("subprotocol_required: true,"));
    assert_eq!(required, all(from_file("serve", "subprotocol = ['v1']\nsubprotocol_required = true")));
    let variables = [("SYSCONN_SUBPROTOCOL", "v1"), ("SYSCONN_SUBPROTOCOL_REQUIRED", "true")];
    assert_eq!(required, all(run(&["serve"], "", &variables)));
    // A proxy can only be trusted where every login is believed.
    let proxied = all(run(&["--proxy-protocol=10.0.0.0/8", "--auth=open"], "", &[]));
    let dense: String = proxied.split_whitespace().collect();
    assert!(dense.contains("proxy_protocol:[TrustedProxy(Network(10.0.0.0,8,),),],"), "{dense}");
    assert_eq!(proxied, all(from_file("serve", "proxy_protocol = ['10.0.0.0/8']\nauth = 'open'")));
    let variables = [("SYSCONN_PROXY_PROTOCOL", "10.0.0.0/8"), ("SYSCONN_AUTH", "open")];
    assert_eq!(proxied, all(run(&["serve"], "", &variables)));
    assert_eq!(cases.len() + 2, TABLE.len(), "an option without a case");
}

#[test]
fn lists_are_repeated_flags_arrays_and_commas() {
    let flags = all(run(&["--path", "/a", "--path", "/b"], "", &[]));
    assert_eq!(flags, all(from_file("serve", r#"path = ["/a", "/b"]"#)));
    assert_eq!(flags, all(run(&[], "", &[("SYSCONN_PATH", "/a, /b")])));
    assert_eq!(all(run(&["--path", "/a"], "", &[])), all(from_file("serve", r#"path = "/a""#)));
    assert_eq!(all(run(&["--diagnostics"], "", &[])), all(from_file("serve", "diagnostics = true")));
}

#[test]
fn flags_go_before_the_file_and_the_file_before_the_environment() {
    let (flag, file, env) = ("--drain-rate=3", "drain_rate = 2", ("SYSCONN_DRAIN_RATE", "1"));
    let cases: [(&[&str], &str, Env<'_>, u32); 6] = [
        (&["--config", FILE, flag], file, &[env], 3),
        (&["--config", FILE], file, &[env], 2),
        (&["--config", FILE, flag], file, &[], 3),
        (&[], file, &[env], 1),
        (&[], file, &[env, ("SYSCONN_CONFIG", FILE)], 2),
        (&["--config", FILE], file, &[("SYSCONN_CONFIG", "elsewhere.toml")], 2),
    ];
    for (line, file, env, expected) in cases {
        let rate = run(line, file, env).map(|options| options.config.drain_rate);
        assert_eq!(rate, Ok(expected), "{line:?} {env:?}");
    }
    // A list replaces the list of the source below, it does not extend it.
    let options = run(&["--config", FILE, "--path=/c"], r#"path = ["/b"]"#, &[("SYSCONN_PATH", "/a")]);
    assert_eq!(options.map(|options| options.config.paths), Ok(vec!["/c".to_owned()]));
}

#[test]
fn the_table_tells_the_real_defaults() {
    for (mode, name) in [(Mode::Serve, "serve"), (Mode::Echo, "echo")] {
        let mut stated = Options::new(mode);
        for entry in TABLE {
            let text = match entry.echo {
                Echo::Default(text) if mode == Mode::Echo => text,
                _ => entry.default,
            };
            entry.kind.clear(&mut stated);
            let accepted = text.is_empty() || entry.kind.set(&mut stated, text).is_some();
            assert!(accepted, "{}: {text}", entry.name);
        }
        stated.settle(&[]).expect(name);
        assert_eq!(all(Ok(stated)), all(run(&[name], "", &[])));
    }
}

#[test]
fn the_example_file_has_every_key_with_its_default() {
    let is_setting = |line: &&str| {
        line.starts_with('#') && line[1..].starts_with(|letter: char| letter.is_ascii_lowercase())
    };
    let set: Vec<&str> = EXAMPLE.lines().filter(is_setting).map(|line| &line[1..]).collect();
    let mut keys: Vec<_> =
        set.iter().map(|line| line.split(" = ").next().expect("a key").to_owned()).collect();
    let mut expected: Vec<_> = TABLE.iter().map(|entry| entry.key()).collect();
    keys.sort();
    expected.sort();
    assert_eq!(keys, expected);

    let defaults = all(run(&[], "", &[]));
    assert_eq!(all(from_file("serve", EXAMPLE)), defaults);
    // Logins are checked, or all are believed.
    let either = set.iter().filter(|line| !line.starts_with("auth = ")).copied().collect::<Vec<_>>();
    let mut options = from_file("serve", &either.join("\n")).expect("the example's settings are valid");
    // These have no default that could be written down.
    assert_eq!(options.cpu.take(), Some(0));
    assert_eq!(options.token_keys.take(), Some("token-keys".into()));
    assert_eq!(options.tls_cert.take(), Some("cert.pem".into()));
    assert_eq!(options.tls_key.take(), Some("key.pem".into()));
    assert_eq!(options.config.record.take(), Some("recordings".into()));
    assert_eq!(all(Ok(options)), defaults);
}

#[test]
fn echo_has_no_checks_and_another_port() {
    let file = "client_check = \"5s\"\nauth = \"open\"\ndiagnostics = true";
    let line = ["echo", "--config", FILE, "--account-check", "5s", "--max-len", "64MiB"];
    let options = run(&line, file, &[]).expect("valid options");
    assert_eq!(options.mode, Mode::Echo);
    assert_eq!(options.config.listen, [Listen::Tcp("127.0.0.1:9002".parse().expect("an address"))]);
    assert_eq!((options.config.client_check, options.config.account_check), (Duration::ZERO, Duration::ZERO));
    // An echo of the longest message must fit.
    assert_eq!(options.config.outbox_limit, Config::outbox_limit_for(64 * 1024 * 1024));
    assert!(run(&["echo", "--listen", "0.0.0.0:0"], "", &[]).is_ok());
}

#[test]
fn addresses_that_are_not_loopback_need_keys_or_open_auth() {
    let cases = [
        ("127.8.9.1:1", true),
        ("[::1]:1", true),
        ("[::ffff:127.0.0.1]:1", true),
        ("unix:/tmp/s", true),
        ("localhost:1", true),
        ("0.0.0.0:1", false),
        ("[::]:1", false),
        ("10.0.0.1:1", false),
    ];
    for (address, local) in cases {
        assert_eq!(
            run(&["--listen", "127.0.0.1:0", "--listen", address], "", &[]).is_ok(),
            local,
            "{address}"
        );
        assert!(run(&["--listen", address, "--auth", "open"], "", &[]).is_ok(), "{address}");
        assert!(run(&["--listen", address, "--token-keys", "FILE"], "", &[]).is_ok(), "{address}");
    }
    assert_eq!(
        line(run(&[], "", &[("SYSCONN_LISTEN", "127.0.0.1:0,10.0.0.1:1")])),
        r#"sysconn: SYSCONN_LISTEN: expected a loopback address, --token-keys to check logins, or --auth open to believe every one, not "10.0.0.1:1""#
    );
}

#[test]
fn a_proxy_in_front_needs_keys_or_open_auth() {
    let trusted = &["--proxy-protocol", "10.0.0.0/8"];
    assert_eq!(
        line(run(trusted, "", &[])),
        r#"sysconn: --proxy-protocol: expected no proxy, --token-keys to check logins, or --auth open to believe every one, not "10.0.0.0/8""#
    );
    assert!(run(&[trusted, &["--auth", "open"][..]].concat(), "", &[]).is_ok());
    assert!(run(&[trusted, &["--token-keys", "FILE"][..]].concat(), "", &[]).is_ok());
    assert!(run(&[&["echo"], &trusted[..]].concat(), "", &[]).is_ok());
}

#[test]
fn logins_are_checked_or_believed_and_not_both() {
    let expected = r#"expected none beside --token-keys, which has every login checked, not "open""#;
    for (args, file, origin) in [
        (&["--auth", "open", "--token-keys", "FILE"][..], "", "--auth"),
        (&["--config", FILE, "--token-keys", "FILE"], "auth = 'open'", "s.toml: auth"),
    ] {
        assert_eq!(line(run(args, file, &[])), format!("sysconn: {origin}: {expected}"));
    }
    // What echo has no use for it takes from a file that both share.
    let shared = from_file("echo", "token_keys = 'FILE'\nauth = 'open'");
    assert!(shared.is_ok(), "{shared:?}");
}

/// What `--subprotocol` takes.
const TOKEN: &str = "a token: letters, digits and !#$%&'*+-.^_`|~";
/// What `--proxy-protocol` takes.
const PROXY: &str = "an IP address, a network such as 10.0.0.0/8 with no bits set beyond its length, or unix";

#[test]
fn a_bad_value_gets_the_same_line_from_every_source() {
    const SIZE: &str = "1 to 64MiB, in bytes or with a unit (KiB, MiB)";
    const BYTES: &str = "0 to 4294967295, in bytes or with a unit (KiB, MiB)";
    const COUNT: &str = "a whole number, 0 to 4294967295";
    const TIMER: &str = "0 (off), or 1ms to 168h with a unit (us, ms, s, m, h)";
    const SPIN: &str = "0 (off), or up to 168h with a unit (us, ms, s, m, h)";
    const ADDRESS: &str = "IP:PORT, [IPV6]:PORT, unix:PATH, or HOST:PORT with a host that can be found";
    const ORIGIN: &str = "null, or an origin such as https://play.example.com, without a path";
    const PATH: &str = "a path that begins with '/', without '?', '#' or spaces";
    let long = format!("unix:{}", "x".repeat(200));
    let cases: [(&str, &str, &[&str]); 19] = [
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
                &long,
            ],
        ),
        ("proxy-protocol", PROXY, &["10.0.0.1/8", "::/129", "proxy.example", "10.0.0.1:80"]),
        ("path", PATH, &["ws", "/a b", "/a?b", "/ü"]),
        ("origin", ORIGIN, &["example.com", "https://a.example/", "://x", "*"]),
        ("subprotocol", TOKEN, &["a b", "é"]),
        ("workers", "a whole number, 1 to 255", &["0", "256", "-1", "all"]),
        ("cpu", "the number of a CPU, 0 to 1023", &["1024", "all"]),
        ("log", "error, warn, info, debug, trace or off", &["INFO", "loud"]),
        ("overflow", "close or drop", &["Close", "1"]),
        ("deflate", "off, shared or dedicated", &["Off", "1", "on"]),
        ("auth", "open, its only value", &["none"]),
    ];
    for (name, expected, texts) in cases {
        let entry = TABLE.iter().find(|entry| entry.name == name).expect(name);
        for text in texts {
            let given: &str = &if *text == long { format!("{}...", &long[..60]) } else { (*text).to_owned() };
            let wrong = |origin: &str| format!("sysconn: {origin}: expected {expected}, not \"{given}\"");
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
fn other_mistakes_on_the_command_line() {
    let long = format!("--{}", "x".repeat(100));
    let cut = format!("sysconn: unknown argument \"--{}...\"", "x".repeat(58));
    let cases: [(&[&str], &str); 18] = [
        (&["--max-lne", "5"], r#"sysconn: unknown argument "--max-lne"; did you mean --max-len?"#),
        (&["--max_len=5"], r#"sysconn: unknown argument "--max_len"; did you mean --max-len?"#),
        (&["--a\nb\x1b"], r#"sysconn: unknown argument "--a\nb\u{1b}""#),
        (&[&long], &cut),
        (&["ecoh"], r#"sysconn: unknown command "ecoh": expected serve, echo or replay"#),
        (&["replay"], "sysconn: replay: expected the FILE of a recording"),
        (&["replay", "a", "b"], r#"sysconn: unknown argument "b""#),
        (&["--record-limit=16383"], r#"sysconn: --record-limit: expected at least 16384, not "16383""#),
        (&["--record="], r#"sysconn: --record: expected the path of a directory, not """#),
        (&["serve", "x"], r#"sysconn: unknown argument "x""#),
        (&["echo", "--diagnostics"], r#"sysconn: "--diagnostics" is an option of serve only"#),
        (&["--diagnostics=yes"], r#"sysconn: --diagnostics: expected true or false, not "yes""#),
        (
            &["--subprotocol-required"],
            r#"sysconn: --subprotocol-required: expected false, or a subprotocol beside it, not "true""#,
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
            r#"sysconn: --outbox-limit: expected 0 (off), or at least 524309, which is max-len and 21, not "524308""#,
        ),
        (
            &["--max-len-before-login=1MiB"],
            r#"sysconn: --max-len-before-login: expected at most 524288, which is max-len, not "1MiB""#,
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
        ("path = ['/a', 5]", "path: expected a path that begins with '/', without '?', '#' or spaces, not 5"),
        ("diagnostics = 'true'", r#"diagnostics: expected true or false, not \"true\""#),
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
    let bytes = file::parse(Path::new("a\nb"), Ok(b"cpu = 1\n# \xff".to_vec())).map(|given| given.len());
    assert_eq!(bytes, Err(Exit::Error(r"sysconn: a\nb: line 2, column 3: not UTF-8".to_owned())));
    let missing = file::parse(Path::new(FILE), Err(io::ErrorKind::NotFound.into())).map(|given| given.len());
    assert_eq!(missing, Err(Exit::Error(format!("sysconn: {FILE}: cannot be read: entity not found"))));
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
