//! `sysconn check-config`, `healthcheck`, `config` and `completions`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{Program, eventually};
use rcgen::generate_simple_self_signed;
use rustix::process::Signal;

fn sysconn(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    command.args(arguments).env_clear().envs(environment.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A new folder for a test.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir(&path).unwrap();
    path
}

/// A certificate and its key.
fn certificate(folder: &Path) -> (String, String) {
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&cert, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (cert.to_str().unwrap().to_owned(), key.to_str().unwrap().to_owned())
}

#[test]
fn check_config_prints_each_option_with_its_source() {
    let folder = folder("check");
    let (cert, key) = certificate(&folder);
    let (keys, secret, data) = (folder.join("keys"), folder.join("secret"), folder.join("data"));
    let hex = "5a".repeat(32);
    fs::write(&keys, format!("{hex}\n")).unwrap();
    fs::write(&secret, "the-secret-of-an-app\n").unwrap();
    let file = folder.join("sysconn.toml");
    fs::write(&file, format!("max_len = '1MiB'\nlisten = ['0.0.0.0:0', '[::1]:0']\ntoken_keys = {keys:?}"))
        .unwrap();
    let file = file.to_str().unwrap();
    let arguments = [
        "check-config",
        "--config",
        file,
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
        "--wechat-appid=wx1",
        "--wechat-secret-file",
        secret.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
    ];
    let environment = [("SYSCONN_MAX_LEN", "64KiB"), ("SYSCONN_DRAIN_DELAY", "3s"), ("SYSCONN_PORT", "1")];
    let output = sysconn(&arguments, &environment);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{err}");
    for (key, value, origin) in [
        ("listen", "0.0.0.0:0, [::1]:0", format!("{file}: listen")),
        ("max_len", "1MiB", format!("{file}: max_len")),
        ("outbox_limit", "2097152", "default for this max-len".to_owned()),
        ("drain_delay", "3s", "SYSCONN_DRAIN_DELAY".to_owned()),
        ("wechat_appid", "wx1", "--wechat-appid".to_owned()),
        ("read_timeout", "60s", "default".to_owned()),
        ("health_path", "-", "default".to_owned()),
    ] {
        let line = out.lines().find(|line| line.split(' ').next() == Some(key)).expect(key);
        let rest = line.strip_prefix(key).unwrap().trim_start();
        assert_eq!(rest.strip_prefix(value).map(str::trim), Some(origin.as_str()), "{line}");
    }
    let limit = out.lines().find(|line| line.starts_with("max_connections ")).unwrap();
    assert!(limit.ends_with("descriptor limit"), "{limit}");
    // Nothing was made, and nothing told.
    assert!(!data.exists());
    assert!(!out.contains("the-secret") && !out.contains(&hex), "{out}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.contains("WARN") && err.contains("SYSCONN_PORT is no option"), "{err}");
    // What needs no line.
    let quiet = sysconn(&[&arguments[..], &["--quiet"]].concat(), &[]);
    assert_eq!((quiet.status.code(), quiet.stdout.len(), quiet.stderr.len()), (Some(0), 0, 0));
    fs::remove_dir_all(folder).unwrap();
}

/// Nothing is said of what goes with an option that was given and is wrong.
#[test]
fn check_config_has_one_line_for_an_option_that_is_wrong() {
    let folder = folder("one-line");
    let (cert, key) = certificate(&folder);
    let (secret, credentials) = (folder.join("secret"), folder.join("credentials"));
    fs::write(&secret, "the-secret-of-an-app\n").unwrap();
    fs::write(&credentials, "user:password\n").unwrap();
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o600)).unwrap();
    let option = |name: &str, path: &str| format!("--{name}={path}");
    let (ca, key) = (option("cluster-ca", &cert), option("cluster-key", &key));
    let secret = option("wechat-secret-file", secret.to_str().unwrap());
    let credentials = option("cluster-credentials", credentials.to_str().unwrap());
    // A program without that feature says so of any cluster.
    let is_own = |line: &&str| !line.ends_with("without the feature cluster");
    let count = |lines: &str| lines.lines().filter(is_own).count();
    let (cluster, node) = ("--cluster=nats://127.0.0.1:4222", "--node=a");
    let elsewhere = "--cluster=nats://10.0.0.1:4222";
    for (arguments, wrong) in [
        (&["--cluster=bad", node, "--cluster-required"][..], "cluster"),
        (&[cluster, "--node=a.b"], "node"),
        (&[cluster, node, "--wechat-appid=a", &secret, "--data=.", "--accounts-node=a.b"], "accounts-node"),
        (&["--wechat-appid=", &secret], "wechat-appid"),
        (&["--wechat-appid=a", "--wechat-secret-file=", "--data=."], "wechat-secret-file"),
        (&["--wechat-appid=", "--wechat-timeout=1s"], "wechat-appid"),
        (&["--tls-cert=", "--tls-key=key"], "tls-cert"),
        (&["--tls-cert=cert", "--tls-key="], "tls-key"),
        (&["--token-keys=", "--login-replay=deny", "--data=."], "token-keys"),
        (&["--token-keys=", "--listen=0.0.0.0:1"], "token-keys"),
        (&["--auth=bad", "--listen=0.0.0.0:1"], "auth"),
        (&["--jwt-keys=", "--jwt-issuer=me", "--jwt-audience=you"], "jwt-keys"),
        (&[elsewhere, node, &ca, "--cluster-credentials="], "cluster-credentials"),
        (&[elsewhere, node, &credentials, "--cluster-ca="], "cluster-ca"),
        (&[elsewhere, node, &credentials, &key, "--cluster-cert="], "cluster-cert"),
        (&[elsewhere, node, "--cluster-insecure=2"], "cluster-insecure"),
        (&[cluster, node, &key, "--cluster-cert="], "cluster-cert"),
        (&["--admin=bad", "--admin-token-file=x", "--stall-warning=1s"], "admin"),
        (&[cluster, node, "--admin=bad", "--cluster-ready"], "admin"),
        (&["--admin=0.0.0.0:1", "--admin-token-file="], "admin-token-file"),
        (&["--listen=bad", "--admin=127.0.0.1:9001"], "listen"),
        (&["--listen=bad", "--socket-mode=660", "--ipv6-only"], "listen"),
        (&["--record=", "--record-debugged"], "record"),
        (&["--blacklist-time=bad", "--blacklist-after=5"], "blacklist-time"),
        (&["--deflate=bad", "--deflate-above=5", "--deflate-level=2"], "deflate"),
        (&["--outbox-limit=bad", "--overflow=drop"], "outbox-limit"),
        (&["--subprotocol=a b", "--subprotocol-required"], "subprotocol"),
        (&["--max-len=bad", "--max-len-before-login=1MiB", "--outbox-limit=3MiB"], "max-len"),
        (&["--path=bad", "--health-path=/"], "path"),
        (&["--record-limit=10KiB"], "record-limit"),
    ] {
        let output = sysconn(&[&["check-config", "--quiet"], arguments].concat(), &[]);
        let lines = text(&output.stderr);
        assert!(lines.starts_with(&format!("sysconn: --{wrong}: expected ")), "{arguments:?}: {lines}");
        assert_eq!(count(&lines), 1, "{arguments:?}: {lines}");
    }
    // Of a type that the option does not take.
    let file = folder.join("options.toml");
    fs::write(&file, "cluster = [\"nats://127.0.0.1:4222\"]\nnode = 3\n").unwrap();
    let output = sysconn(&["check-config", "--quiet", "--config", file.to_str().unwrap()], &[]);
    let lines = text(&output.stderr);
    assert!(count(&lines) == 1 && lines.contains("node: expected 1 to 32 characters"), "{lines}");
    // A path with the name of an option hides nothing.
    let folder_of_node = folder.join("node");
    fs::create_dir(&folder_of_node).unwrap();
    let file = folder_of_node.join("options.toml");
    fs::write(&file, "node = \"a.b\"\nwechat_appid = \"x\"\n").unwrap();
    let output = sysconn(&["check-config", "--quiet", "--config", file.to_str().unwrap()], &[]);
    let lines = text(&output.stderr);
    assert!(lines.contains(": node: expected ") && lines.contains(": wechat_appid: expected "), "{lines}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn check_config_tells_all_problems_at_once() {
    let folder = folder("problems");
    let file = folder.join("sysconn.toml");
    fs::write(&file, "read_timeout = '1'\nnothing = 1\nmax_conections = 2\ndrain_rate = true\npath = ['x']")
        .unwrap();
    let (cert, key) = certificate(&folder);
    let bad_key = folder.join("bad.pem");
    fs::write(&bad_key, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n").unwrap();
    let a_file = key.as_str();
    let arguments = [
        "check-config",
        "--config",
        file.to_str().unwrap(),
        "--log=loud",
        "--subprotocol-required",
        "--outbox-limit=3",
        "--listen=10.0.0.1:1",
        "--tls-cert",
        &cert,
        "--tls-key",
        bad_key.to_str().unwrap(),
        "--record=/no/such",
        "--data",
        a_file,
        "--wechat-secret-file=/no/secret",
        "--admin=unix:/no/such/socket",
        "--admin-token-file=/no/token",
        "--cpu=1023",
    ];
    let output = sysconn(&arguments, &[("SYSCONN_WORKERS", "0")]);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{err}");
    for part in [
        "read_timeout: expected",
        "unknown key \"nothing\"",
        "unknown key \"max_conections\"; did you mean max_connections?",
        "drain_rate: expected",
        "path: expected",
        "--log: expected",
        "SYSCONN_WORKERS: expected",
        "--subprotocol-required: expected",
        "--outbox-limit: expected",
        "--listen: expected a loopback address",
        "bad.pem: ",
        "--record: /no/such: ",
        "key.pem: not a directory",
        "--wechat-secret-file: expected --wechat-appid",
        "/no/secret: ",
        "/no/token: ",
        "--admin: /no/such: ",
        "--cpu 1023",
    ] {
        let lines = err.lines().filter(|line| line.starts_with("sysconn: ") && line.contains(part));
        assert_eq!(lines.count(), 1, "{part}: {err}");
    }
    assert!(!err.contains("c2VjcmV0"), "{err}");
    // Each is what the program itself says when the others are repaired.
    let first = text(&sysconn(&arguments[1..], &[]).stderr);
    assert_eq!(
        err.lines().find(|line| line.starts_with("sysconn: ")).map(|line| format!("{line}\n")),
        Some(first)
    );
    fs::remove_dir_all(folder).unwrap();
}

/// What is wrong with a file names where the file was named, as `serve` does.
#[test]
fn check_config_says_where_a_file_was_named() {
    let folder = folder("named");
    let file = folder.join("sysconn.toml");
    let keys = "tls_cert = '/no/cert'\ntls_key = '/no/key'\ndata = '/no/such/data'\n";
    fs::write(&file, keys).unwrap();
    let file = file.to_str().unwrap();
    let (options, environment) =
        (["--config", file, "--record=/no/dir"], [("SYSCONN_TOKEN_KEYS", "/no/keys")]);
    let missing = "No such file or directory (os error 2)";
    let unread = format!("cannot be read: {missing}");
    let expected = [
        format!("sysconn: {file}: tls_cert: /no/cert: {unread}"),
        format!("sysconn: {file}: tls_key: /no/key: {unread}"),
        format!("sysconn: SYSCONN_TOKEN_KEYS: /no/keys: {unread}"),
        format!("sysconn: {file}: data: /no/such/data: {missing}"),
        format!("sysconn: --record: /no/dir: {missing}"),
    ];
    let checked = sysconn(&[&["check-config", "--quiet"], &options[..]].concat(), &environment);
    assert_eq!(text(&checked.stderr).lines().collect::<Vec<_>>(), expected);
    let served = sysconn(&options, &environment);
    assert_eq!((served.status.code(), text(&served.stderr)), (Some(2), format!("{}\n", expected[0])));
    fs::remove_dir_all(folder).unwrap();
}

/// Each file of a cluster has a line too.
#[cfg(feature = "cluster")]
#[test]
fn check_config_names_all_files_of_a_cluster() {
    let options = ["--cluster=nats://127.0.0.1:4222", "--node=a", "--cluster-ca=/no/ca"];
    let more = ["--cluster-cert=/no/cert", "--cluster-key=/no/key", "--cluster-credentials=/no/one"];
    let output = sysconn(&[&["check-config", "--quiet"], &options[..], &more].concat(), &[]);
    let lines = text(&output.stderr);
    let named: Vec<_> = lines.lines().filter_map(|line| line.split(": ").nth(1)).collect();
    assert_eq!(
        named,
        ["--cluster-ca", "--cluster-cert", "--cluster-key", "--cluster-credentials"],
        "{lines}"
    );
}

/// Asks, and returns the status of the program and its line.
fn asks(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = sysconn(&[&["healthcheck"], arguments].concat(), environment);
    // What cannot be used is an error.
    let (said, other) = match output.status.code() {
        Some(2) => (output.stderr, output.stdout),
        _ => (output.stdout, output.stderr),
    };
    let line = text(&said);
    assert_eq!((line.lines().count(), text(&other)), (1, String::new()), "{line}");
    (output.status.code(), line.trim_end().to_owned())
}

#[test]
fn a_health_check_says_whether_the_server_serves() {
    let folder = folder("health");
    let (cert, key) = certificate(&folder);
    let socket = format!("unix:{}", folder.join("s").display());
    let tls = ["--tls-cert", &cert, "--tls-key", &key];
    let proxied = ["--proxy-protocol=127.0.0.1", "--auth=open"];
    let cases: [(&str, &[&str]); 4] =
        [("127.0.0.1:0", &[]), (&socket, &[]), ("127.0.0.1:0", &tls), ("0.0.0.0:0", &proxied)];
    for (listen, more) in cases {
        let options = [&["--health-path=/up", "--drain-delay=1h", "--listen", listen], more].concat();
        let mut program = Program::start(&options);
        let address = program.listening.clone();
        let same = [&["--health-path=/up", "--listen", &address], more].concat();
        let shown = address.replace("0.0.0.0", "127.0.0.1");
        assert_eq!(asks(&same, &[]), (Some(0), format!("{shown}: 200")));
        // By the environment, as a container has it; another path; a URL.
        if more.is_empty() {
            let environment = [("SYSCONN_LISTEN", &*address), ("SYSCONN_HEALTH_PATH", "/up")];
            assert_eq!(asks(&[], &environment), (Some(0), format!("{shown}: 200")));
            let other = [&same[1..], &["--health-path=/down"]].concat();
            assert_eq!(asks(&other, &[]), (Some(1), format!("{shown}: 426")));
        }
        let url = format!("{}://{address}/up", if more == tls { "https" } else { "http" });
        if !listen.starts_with("unix") && more != proxied {
            assert_eq!(asks(&[&url], &[]), (Some(0), format!("{shown}: 200")));
        }
        program.signal(Signal::TERM);
        eventually("health checks fail", || asks(&same, &[]).0 == Some(1));
        assert_eq!(asks(&same, &[]), (Some(1), format!("{shown}: 503")));
        program.signal(Signal::TERM);
        program.wait();
        assert_eq!(asks(&same, &[]).0, Some(1));
    }
    // The admin server comes first, and answers by a Unix socket too.
    for admin in [format!("{socket}-admin"), "127.0.0.1:0".to_owned()] {
        let options = ["--listen=127.0.0.1:0", "--admin", &admin, "--drain-delay=1h", "--log=info"];
        let program = Program::start(&options);
        let log = text(&program.log());
        let named =
            log.split([' ', '\n']).find(|word| word.contains("-admin") || word.starts_with("http://127"));
        let admin =
            named.expect("the log names it").trim_start_matches("http://").trim_end_matches('/').to_owned();
        assert_eq!(asks(&["--health-path=/up", "--admin", &admin], &[]), (Some(0), format!("{admin}: 200")));
        let url = if admin.starts_with("unix:") { admin.clone() } else { format!("http://{admin}/readyz") };
        assert_eq!(asks(&[&url], &[]), (Some(0), format!("{admin}: 200")));
        program.signal(Signal::TERM);
        eventually("it drains", || asks(&["--admin", &admin], &[]).1 == format!("{admin}: 503"));
    }
    for (arguments, part) in [
        (&[][..], "there is nothing to ask without --admin or --health-path"),
        (
            &["ftp://a:1/"],
            "expected http://HOST:PORT/PATH, https://HOST:PORT/PATH or unix:SOCKET, not ftp://a:1/",
        ),
        (&["unix:"], "expected unix:SOCKET, a path of 1 to 107 bytes, not unix:"),
        (
            &[&format!("unix:/{}", "s".repeat(107))],
            "expected unix:SOCKET, a path of 1 to 107 bytes, not unix:/s",
        ),
        (&["http://localhost/"], "expected HOST:PORT ("),
        (&["http://127.0.0.1:1/a b"], "expected a path without spaces"),
        (&["--health-path=/up", "--listen=systemd"], "give a URL"),
        (&["--health-path=/up", "--listen=127.0.0.1:0"], "the port that the system chose is not known"),
        (&["--admin=127.0.0.1:0"], "the port that the system chose is not known"),
        (&["--health-path=/up", "--max-len=0"], "--max-len: expected"),
    ] {
        let (status, line) = asks(arguments, &[]);
        assert!(status == Some(2) && line.contains(part), "{arguments:?}: {line}");
        assert!(line.starts_with("sysconn: "), "{arguments:?}: {line}");
    }
    let help = text(&sysconn(&["healthcheck", "--help"], &[]).stdout);
    assert!(help.contains("http://HOST:PORT/PATH, https://HOST:PORT/PATH, or unix:SOCKET"), "{help}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn completions_know_commands_and_options() {
    for (shell, sign) in
        [("bash", "complete -F"), ("zsh", "#compdef sysconn"), ("fish", "complete -c sysconn")]
    {
        let script = text(&sysconn(&["completions", shell], &[]).stdout);
        for part in [sign, "check-config", "max-connections-per-ip"] {
            assert!(script.contains(part), "{shell}: {part}");
        }
    }
    let refused = sysconn(&["completions", "dash"], &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).starts_with("sysconn: invalid value 'dash'"));
}
