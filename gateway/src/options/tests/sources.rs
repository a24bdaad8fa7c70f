//! The values that each source accepts, and the precedence of sources.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn every_option_has_the_same_effect_from_flag_file_and_environment() {
    // Name, value of flag and environment, value in the file, and the resulting options.
    let cases = [
        ("listen", "[::1]:0", r#"["[::1]:0"]"#, "[::1]:0,"),
        ("listen", "systemd", r#"["systemd"]"#, "listen: [], "),
        ("listen", "systemd:game", r#"["systemd:game"]"#, r#"from_systemd: [Named("game",),],"#),
        ("ipv6-only", "true", "true", "ipv6_only: true,"),
        ("socket-mode", "0660", r#""660""#, "socket_mode: Some(432,),"),
        ("tls-cert", "c.pem", r#""c.pem""#, r#"tls_cert: Some("c.pem",),"#),
        ("tls-key", "k.pem", r#""k.pem""#, r#"tls_key: Some("k.pem",),"#),
        ("path", "/ws", r#"["/ws"]"#, r#"paths: ["/ws",],"#),
        ("origin", "https://a.example", r#"["https://a.example"]"#, r#"origins: ["https://a.example",],"#),
        ("subprotocol", "game.v1", r#"["game.v1"]"#, r#"subprotocols: ["game.v1",],"#),
        ("max-len", "64KiB", r#""64KiB""#, "max_len: 65536,"),
        ("max-len-before-login", "100", "100", "max_len_before_login: Some(100,),"),
        ("max-connections", "7", "7", "max_connections: Some(7,),"),
        ("max-connections-per-ip", "8", "8", "max_connections_per_ip: Some(8,),"),
        ("ipv6-prefix", "56", "56", "ipv6_prefix: 56,"),
        ("max-packets-per-second", "9", "9", "max_packets_per_second: Some(9,),"),
        ("handshake-timeout", "1ms", r#""1ms""#, "handshake: Some(1ms,),"),
        ("read-timeout", "1.5s", r#""1.5s""#, "read: Some(1.5s,),"),
        ("client-check", "5m", r#""5m""#, "client_check: Some(300s,),"),
        ("account-check", "2h", r#""2h""#, "account_check: Some(7200s,),"),
        ("liveness", "frames", r#""frames""#, "liveness: Frames,"),
        ("ping-interval", "0", "0", "ping_interval: None,"),
        ("housekeeping", "168h", r#""168h""#, "housekeeping: Some(604800s,),"),
        ("outbox-limit", "2MiB", r#""2MiB""#, "outbox_limit: Some(2097152,),"),
        ("overflow", "drop", r#""drop""#, "overflow: Drop,"),
        ("deflate", "shared", r#""shared""#, "deflate: Shared,"),
        ("deflate-above", "1KiB", r#""1KiB""#, "deflate_above: 1024,"),
        ("deflate-level", "6", "6", "deflate_level: 6,"),
        ("compress-above", "1KiB", "1024", "compress_above: Some(1024,),"),
        ("drain-delay", "10s", r#""10s""#, "delay: 10s,"),
        ("drain-timeout", "250ms", r#""250ms""#, "timeout: Some(250ms,),"),
        ("drain-rate", "4294967295", "4294967295", "rate: Some(4294967295,),"),
        ("workers", "255", "255", "workers: 255,"),
        ("spin", "50us", r#""50us""#, "spin: Some(50µs,),"),
        ("health-path", "/up", r#""/up""#, r#"health_path: Some("/up",),"#),
        ("cpu", "0", "0", "cpu: Some(0,),"),
        ("record", "/var/r", r#""/var/r""#, r#"record: Some("/var/r",),"#),
        ("record-debugged", "true", "true", "record_debugged: true,"),
        ("record-limit", "16KiB", "16384", "record_limit: 16384,"),
        ("log", "trace", r#""trace""#, "log_level: Trace,"),
        ("log-format", "json", r#""json""#, "log_format: Json,"),
        ("log-connections", "7", "7", "log_connections: PerSecond(7,),"),
        ("admin", "[::1]:9091", r#""[::1]:9091""#, "admin: AdminOptions { listen: Some(Tcp([::1]:9091,),),"),
        ("admin-token-file", "/etc/token", r#""/etc/token""#, r#"token_file: Some("/etc/token",),"#),
        ("stall-warning", "1s", r#""1s""#, "stall_warning: Some(1s,),"),
        ("token-keys", "/etc/keys", r#""/etc/keys""#, r#"token_keys: Some("/etc/keys",),"#),
        ("jwt-keys", "/etc/jwks", r#""/etc/jwks""#, r#"jwt_keys: Some("/etc/jwks",),"#),
        ("auth", "open", r#""open""#, "open: true,"),
        ("blacklist-time", "0", "0", "blacklist: BlacklistOptions { time: None,"),
        ("blacklist-after", "5", "5", "after: Some(5,),"),
        ("data", "/var/lib", r#""/var/lib""#, r#"data: Some("/var/lib",),"#),
        ("wechat-url", "http://[::1]:80/a/", r#""http://[::1]:80/a""#, r#"wechat_url: "http://[::1]:80/a","#),
        ("wechat-timeout", "1ms", r#""1ms""#, "wechat_timeout: 1ms,"),
        ("diagnostics", "true", "true", "diagnostics: true,"),
        ("dev", "true", "true", "dev: true,"),
        ("dev-listen", "[::1]:0", r#""[::1]:0""#, "dev_listen: [::1]:0,"),
    ];
    let defaults = all(run(&[], "", &[]));
    for (name, text, toml, effect) in cases {
        let entry = entries().find(|entry| entry.name == name).expect(name);
        let from_flag = all(run(&[&format!("--{name}={text}")], "", &[]));
        let dense: String = from_flag.split_whitespace().collect();
        let effect: String = effect.split_whitespace().collect();
        assert!(dense.contains(&effect), "{name}: {effect} is not in {dense}");
        assert_ne!(from_flag, defaults, "{name}");
        assert_eq!(from_flag, all(from_file("serve", &format!("{} = {toml}", entry.key()))), "{name}");
        assert_eq!(from_flag, all(run(&["serve"], "", &[(&entry.variable(), text)])), "{name}");
    }
    // A subprotocol can only be required if one is listed.
    let required = all(run(&["--subprotocol=v1", "--subprotocol-required"], "", &[]));
    assert!(required.contains("subprotocol_required: true,"));
    assert_eq!(required, all(from_file("serve", "subprotocol = ['v1']\nsubprotocol_required = true")));
    let variables = [("SYSCONN_SUBPROTOCOL", "v1"), ("SYSCONN_SUBPROTOCOL_REQUIRED", "true")];
    assert_eq!(required, all(run(&["serve"], "", &variables)));
    // What JWTs must say can only be given with their keys.
    for (name, field) in [("jwt-issuer", "jwt_issuer"), ("jwt-audience", "jwt_audience")] {
        let flags = all(run(&[&format!("--{name}=me"), "--jwt-keys=FILE"], "", &[]));
        let dense: String = flags.split_whitespace().collect();
        assert!(dense.contains(&format!(r#"{field}:Some("me",)"#)), "{dense}");
        assert_eq!(flags, all(from_file("serve", &format!("{field} = 'me'\njwt_keys = 'FILE'"))));
        let variable = format!("SYSCONN_{}", field.to_ascii_uppercase());
        assert_eq!(flags, all(run(&[], "", &[(&variable, "me"), ("SYSCONN_JWT_KEYS", "FILE")])));
    }
    let replay = all(run(&["--login-replay=deny", "--token-keys=FILE"], "", &[]));
    assert!(replay.contains("denies_replay: true,"));
    assert_eq!(replay, all(from_file("serve", "login_replay = 'deny'\ntoken_keys = 'FILE'")));
    let variables = [("SYSCONN_LOGIN_REPLAY", "deny"), ("SYSCONN_TOKEN_KEYS", "FILE")];
    assert_eq!(replay, all(run(&["serve"], "", &variables)));
    // The cases with trusted proxies are below, and those of an appid and its secret; those of a cluster,
    // with its certificate and key, are in a file of their own.
    assert_eq!(cases.len() + 17, entries().count(), "an option without a case");
}

#[test]
fn trusted_proxies_are_a_list_from_every_source() {
    for name in ["proxy-protocol", "forwarded-for"] {
        // A proxy can only be trusted if logins are checked or all are believed.
        let [first, second] = ["10.0.0.0/8", "unix"].map(|proxy| format!("--{name}={proxy}"));
        let from_flags = all(run(&[&first, &second, "--auth=open"], "", &[]));
        let dense: String = from_flags.split_whitespace().collect();
        let key = name.replace('-', "_");
        let expected = format!("{key}:[TrustedProxy(Network(10.0.0.0,8,),),TrustedProxy(Unix,),],");
        assert!(dense.contains(&expected), "{dense}");
        let file = format!("{key} = ['10.0.0.0/8', 'unix']\nauth = 'open'");
        assert_eq!(from_flags, all(from_file("serve", &file)));
        let variable = format!("SYSCONN_{}", key.to_ascii_uppercase());
        let variables = [(&*variable, "10.0.0.0/8,unix"), ("SYSCONN_AUTH", "open")];
        assert_eq!(from_flags, all(run(&["serve"], "", &variables)));
    }
}

#[test]
fn an_appid_and_its_secret_come_together_from_every_source() {
    let flags = ["--wechat-appid=wx1", "--wechat-secret-file=s"];
    let from_flags = run(&flags, "", &[]);
    let wechat = from_flags.clone().expect("valid options").wechat().expect("both were given");
    assert_eq!((wechat.appid.as_str(), wechat.secret_file.to_str()), ("wx1", Some("s")));
    let from_flags = all(from_flags);
    assert_eq!(from_flags, all(from_file("serve", "wechat_appid = 'wx1'\nwechat_secret_file = 's'")));
    let variables = [("SYSCONN_WECHAT_APPID", "wx1"), ("SYSCONN_WECHAT_SECRET_FILE", "s")];
    assert_eq!(from_flags, all(run(&["serve"], "", &variables)));

    let cases = [
        (
            flags[0],
            r#"wechat-appid: expected --wechat-secret-file beside it, the file of its secret, not "wx1""#,
        ),
        (
            flags[1],
            r#"wechat-secret-file: expected --wechat-appid beside it, which the secret is of, not "s""#,
        ),
    ];
    for (flag, expected) in cases {
        assert_eq!(line(run(&[flag], "", &[])), format!("sysconn: --{expected}"));
    }
    assert!(from_file("echo", "wechat_appid = 'wx1'").is_ok(), "echo has no logins");
    for (flag, option) in
        [("--wechat-timeout=1s", "--wechat-timeout"), ("--wechat-url=https://a.example", "--wechat-url")]
    {
        let warning = run(&[flag], "", &[]).expect("valid options").wechat_warning();
        assert!(warning.is_some_and(|line| line.starts_with(&format!("{option} has no effect without "))));
        let options = run(&[&flags[..], &[flag]].concat(), "", &[]).expect("valid options");
        assert_eq!(options.wechat_warning(), None);
    }
    for (line, forgets) in [(&flags[..], true), (&[flags[0], flags[1], "--data=d"], false), (&[], false)] {
        let options = run(line, "", &[]).expect("valid options");
        assert_eq!((options.wechat_warning(), options.memory_warning().is_some()), (None, forgets));
    }
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
        let rate = run(line, file, env).map(|options| options.config.drain.rate);
        assert_eq!(rate, Ok(Some(expected)), "{line:?} {env:?}");
    }
    // A list replaces that of a source with lower precedence; it does not extend it.
    let options = run(&["--config", FILE, "--path=/c"], r#"path = ["/b"]"#, &[("SYSCONN_PATH", "/a")]);
    assert_eq!(options.map(|options| options.config.upgrade.paths), Ok(vec!["/c".to_owned()]));
}

#[test]
fn there_is_a_warning_about_options_of_recordings_that_are_not_made() {
    let record = "--record=r";
    for (line, expected) in [
        (&[][..], None),
        (&["--record-debugged"], Some("--record-debugged has no effect without --record: ")),
        (&["--record-limit=64KiB"], Some("--record-limit has no effect without --record: ")),
        (&["--record-debugged", record], None),
        (&["--record-limit=64KiB", record], None),
    ] {
        let warning = run(line, "", &[]).expect("valid options").recording_warning();
        assert_eq!(warning.is_some(), expected.is_some(), "{line:?}: {warning:?}");
        assert!(warning.unwrap_or_default().starts_with(expected.unwrap_or_default()), "{line:?}");
    }
}

#[test]
fn there_is_a_warning_about_a_count_of_offences_that_list_nobody() {
    for (line, expected) in [
        (&[][..], false),
        (&["--blacklist-after=5"], false),
        (&["--blacklist-time=0"], false),
        (&["--blacklist-time=0", "--blacklist-after=0"], false),
        (&["--blacklist-time=0", "--blacklist-after=5"], true),
    ] {
        let warning = run(line, "", &[]).expect("valid options").blacklist_warning();
        let is_right =
            |line: String| line.starts_with("--blacklist-after 5 has no effect without --blacklist-time: ");
        assert_eq!(warning.map(is_right), expected.then_some(true), "{line:?}");
    }
}

#[test]
fn the_table_tells_the_real_defaults() {
    for (mode, name) in [(Mode::Serve, "serve"), (Mode::Echo, "echo")] {
        let mut stated = Options::new(mode);
        for entry in entries() {
            let text = match entry.echo {
                InEcho::Default(text) if mode == Mode::Echo => text,
                _ => entry.default,
            };
            entry.value_type.clear(&mut stated);
            let accepted = text.is_empty() || entry.value_type.set(&mut stated, text).is_some();
            assert!(accepted, "{}: {text}", entry.name);
        }
        assert_eq!(stated.complete(&[]), [], "{name}");
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
    let mut expected: Vec<_> = entries().map(|entry| entry.key()).collect();
    keys.sort();
    expected.sort();
    assert_eq!(keys, expected);

    let defaults = all(run(&[], "", &[]));
    assert_eq!(all(from_file("serve", EXAMPLE)), defaults);
    // Either logins are checked, or all are believed.
    let either = set.iter().filter(|line| !line.starts_with("auth = ")).copied().collect::<Vec<_>>();
    let mut options = from_file("serve", &either.join("\n")).expect("the example's settings are valid");
    // These have no default that a value could express.
    assert_eq!(options.cpu.take(), Some(0));
    assert_eq!(options.auth.token_keys.take(), Some("token-keys".into()));
    assert_eq!(options.auth.jwt_keys.take(), Some("jwks.json".into()));
    assert_eq!(options.auth.jwt_issuer.take(), Some("https://login.example.com".into()));
    assert_eq!(options.auth.jwt_audience.take(), Some("game".into()));
    assert_eq!(options.wechat_appid.take(), Some("wx0123456789abcdef".into()));
    assert_eq!(options.wechat_secret_file.take(), Some("wechat-secret".into()));
    assert_eq!(options.data.take(), Some("data".into()));
    let cluster = std::mem::take(&mut options.cluster);
    assert_eq!((cluster.servers, cluster.node), (vec!["nats://127.0.0.1:4222".into()], Some("a".into())));
    assert_eq!((cluster.ca, cluster.cert), (Some("nats-ca.pem".into()), Some("nats-cert.pem".into())));
    assert_eq!(
        (cluster.key, cluster.credentials),
        (Some("nats-key.pem".into()), Some("nats-credentials".into()))
    );
    assert_eq!(cluster.accounts_node, Some("a".into()));
    assert_eq!(options.admin.listen.take(), Some(Listen::Tcp("127.0.0.1:9091".parse().expect("an address"))));
    assert_eq!(options.admin.token_file.take(), Some("admin-token".into()));
    assert_eq!(options.config.listeners.socket_mode.take(), Some(0o660));
    assert_eq!(options.config.upgrade.health_path.take(), Some("/health".into()));
    assert_eq!(options.tls_cert.take(), Some("cert.pem".into()));
    assert_eq!(options.tls_key.take(), Some("key.pem".into()));
    assert_eq!(options.record.take(), Some("recordings".into()));
    assert!(options.config.recording.take().is_some());
    assert_eq!(all(Ok(options)), defaults);
}

#[test]
fn echo_has_no_checks_and_another_port() {
    let file = "client_check = \"5s\"\nauth = \"open\"\ndiagnostics = true";
    let line = ["echo", "--config", FILE, "--account-check", "5s", "--max-len", "64MiB"];
    let options = run(&line, file, &[]).expect("valid options");
    assert_eq!(options.mode, Mode::Echo);
    assert_eq!(options.config.listen, [Listen::Tcp("127.0.0.1:9002".parse().expect("an address"))]);
    assert_eq!((options.config.timers.client_check, options.config.timers.account_check), (None, None));
    // An echo of the longest message must fit.
    assert_eq!(options.config.output.outbox_limit, Some(Output::outbox_limit_for(64 * 1024 * 1024)));
    assert!(run(&["echo", "--listen", "0.0.0.0:0"], "", &[]).is_ok());
    // It has no packets, so a message may be shorter than a packet's header.
    assert!(run(&["echo", "--max-len=5", "--max-len-before-login=5"], "", &[]).is_ok());
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
        for keys in ["--token-keys", "--jwt-keys"] {
            assert!(run(&["--listen", address, keys, "FILE"], "", &[]).is_ok(), "{address}");
        }
    }
    assert_eq!(
        line(run(&[], "", &[("SYSCONN_LISTEN", "127.0.0.1:0,10.0.0.1:1")])),
        r#"sysconn: SYSCONN_LISTEN: expected a loopback address, --token-keys or --jwt-keys to check logins, or --auth open to believe every one, not "10.0.0.1:1""#
    );
}

#[test]
fn a_proxy_in_front_needs_keys_or_open_auth() {
    for flag in ["--proxy-protocol", "--forwarded-for"] {
        let trusted = &[flag, "10.0.0.0/8"];
        let expected =
            "no proxy, --token-keys or --jwt-keys to check logins, or --auth open to believe every one";
        assert_eq!(
            line(run(trusted, "", &[])),
            format!(r#"sysconn: {flag}: expected {expected}, not "10.0.0.0/8""#)
        );
        assert!(run(&[trusted, &["--auth", "open"][..]].concat(), "", &[]).is_ok());
        assert!(run(&[trusted, &["--token-keys", "FILE"][..]].concat(), "", &[]).is_ok());
        assert!(run(&[&["echo"], &trusted[..]].concat(), "", &[]).is_ok());
    }
}

#[test]
fn logins_are_checked_or_believed_and_not_both() {
    for (args, file, origin, flag) in [
        (&["--auth", "open", "--token-keys", "FILE"][..], "", "--auth", "--token-keys"),
        (&["--auth", "open", "--jwt-keys", "FILE"], "", "--auth", "--jwt-keys"),
        (&["--config", FILE, "--token-keys", "FILE"], "auth = 'open'", "s.toml: auth", "--token-keys"),
    ] {
        let expected = format!(r#"expected none beside {flag}, which has every login checked, not "open""#);
        assert_eq!(line(run(args, file, &[])), format!("sysconn: {origin}: {expected}"));
    }
    let expected =
        "expected allow without --token-keys or --jwt-keys, since there are no tokens, not \"deny\"";
    assert_eq!(line(run(&["--login-replay=deny"], "", &[])), format!("sysconn: --login-replay: {expected}"));
    assert!(run(&["--login-replay=allow"], "", &[]).is_ok());
    for name in ["jwt-issuer", "jwt-audience"] {
        let expected = format!(r#"sysconn: --{name}: expected none without --jwt-keys, not "me""#);
        assert_eq!(line(run(&[&format!("--{name}=me"), "--token-keys=FILE"], "", &[])), expected);
        assert!(run(&[&format!("--{name}=me"), "--jwt-keys=FILE"], "", &[]).is_ok());
    }
    // A shared file may have options that echo does not use.
    let shared = from_file("echo", "token_keys = 'FILE'\nauth = 'open'");
    assert!(shared.is_ok(), "{shared:?}");
}
