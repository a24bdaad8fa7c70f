//! The options of a cluster, and what they ask of each other.

use super::*;

const LOCAL: &str = "--cluster=nats://127.0.0.1:4222";
const OTHER: &str = "--cluster=nats://10.0.0.1:4222";
const NODE: &str = "--node=a";

#[test]
fn servers_are_a_list_from_every_source() {
    let flags = all(run(&["--cluster=nats://[::1]:4222,nats://localhost:1", NODE], "", &[]));
    let dense: String = flags.split_whitespace().collect();
    assert!(dense.contains(r#"servers:["nats://[::1]:4222","nats://localhost:1",]"#), "{dense}");
    let array = "cluster = ['nats://[::1]:4222', 'nats://localhost:1']\nnode = 'a'";
    let text = "cluster = 'nats://[::1]:4222,nats://localhost:1'\nnode = 'a'";
    assert!([array, text].iter().all(|file| all(from_file("serve", file)) == flags));
    let variables = [("SYSCONN_CLUSTER", "nats://[::1]:4222,nats://localhost:1"), ("SYSCONN_NODE", "a")];
    assert_eq!(flags, all(run(&[], "", &variables)));
}

/// What an option takes from a flag, a file and the environment is the same; the rest is given by flags.
#[test]
fn the_others_have_the_same_effect_from_every_source() {
    let pair = r#"cert: Some("c"), key: Some("k"),"#;
    for (given, effect) in [
        (&[("node", "a-1")][..], r#"node: Some("a-1"),"#),
        (&[("cluster-id", "game-2")], r#"id: "game-2","#),
        (&[("cluster-ca", "/etc/ca")], r#"ca: Some("/etc/ca"),"#),
        (&[("cluster-cert", "c"), ("cluster-key", "k")], pair),
        (&[("cluster-credentials", "/etc/c")], r#"credentials: Some("/etc/c"),"#),
        (&[("cluster-insecure", "true")], "is_insecure: true,"),
        (&[("cluster-required", "true")], "is_required: true,"),
        (&[("cluster-ready", "true")], "is_for_ready: true,"),
        (&[("accounts-node", "a")], r#"accounts_node: Some("a"),"#),
    ] {
        let base: Vec<_> =
            [LOCAL, NODE].into_iter().filter(|flag| given[0].0 != "node" || *flag != NODE).collect();
        let flags: Vec<_> = given.iter().map(|(name, value)| format!("--{name}={value}")).collect();
        let line: Vec<_> = base.iter().copied().chain(flags.iter().map(String::as_str)).collect();
        let from_flags = all(run(&line, "", &[]));
        let dense: String = from_flags.split_whitespace().collect::<String>().replace(",)", ")");
        let effect: String = effect.split_whitespace().collect();
        assert!(dense.contains(&effect), "{given:?}: {effect} is not in {dense}");
        let keys = |name: &str| name.replace('-', "_");
        let file: String = given
            .iter()
            .map(|(name, value)| match *value {
                "true" => format!("{} = true\n", keys(name)),
                text => format!("{} = '{text}'\n", keys(name)),
            })
            .collect();
        let line = [&["--config", FILE][..], &base].concat();
        assert_eq!(from_flags, all(run(&line, &file, &[])), "{given:?}");
        let names: Vec<_> =
            given.iter().map(|(name, _)| format!("SYSCONN_{}", keys(name).to_ascii_uppercase())).collect();
        let variables: Vec<_> =
            names.iter().zip(given).map(|(variable, (_, value))| (variable.as_str(), *value)).collect();
        assert_eq!(from_flags, all(run(&base, "", &variables)), "{given:?}");
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    const ONE_STORE: &str = "--accounts-node beside it in a cluster, the one server that keeps it";
    const TLS: &str = "TLS (tls://, --cluster-ca or --cluster-cert)";
    let secure = |missing: &str| {
        let expected =
            format!("a loopback address, or {missing} beside it, or --cluster-insecure to do without");
        Some(format!("cluster: expected {expected}, not \"nats://10.0.0.1:4222\""))
    };
    let credentials = "--cluster-credentials=c";
    let alone = |name: &str, value: &str| Some(format!("{name}: expected --cluster beside it, not {value}"));
    let cases: [(&[&str], Option<String>); 26] = [
        (&[LOCAL, NODE], None),
        (&[NODE], alone("node", r#""a""#)),
        (&["--cluster-id=b"], alone("cluster-id", r#""b""#)),
        (&["--cluster-ca=c"], alone("cluster-ca", r#""c""#)),
        (&["--cluster-cert=c", "--cluster-key=k"], alone("cluster-cert", r#""c""#)),
        (&[credentials], alone("cluster-credentials", r#""c""#)),
        (&["--cluster-insecure"], alone("cluster-insecure", "true")),
        (&["--cluster-required"], alone("cluster-required", "true")),
        (&["--cluster-ready"], alone("cluster-ready", "true")),
        (&["--accounts-node=a"], alone("accounts-node", r#""a""#)),
        (&["--cluster=tls://[::1]:4222,nats://localhost:4222,nats://127.0.0.2:1", NODE], None),
        (
            &[LOCAL],
            Some(
                "cluster: expected --node beside it, the name of this server in the cluster, not ".to_owned(),
            ),
        ),
        (&["--cluster-cert=c"], Some("cluster-cert: expected --cluster-key beside it, ".to_owned())),
        (&["--cluster-key=k"], Some("cluster-key: expected --cluster-cert beside it, ".to_owned())),
        (&[OTHER, NODE], secure(&format!("{TLS} and --cluster-credentials"))),
        (&[OTHER, NODE, "--cluster-ca=ca"], secure("--cluster-credentials")),
        (&[OTHER, NODE, credentials], secure(TLS)),
        (&[LOCAL, OTHER, NODE], secure(&format!("{TLS} and --cluster-credentials"))),
        (&[OTHER, NODE, credentials, "--cluster-ca=ca"], None),
        (&["--cluster=tls://nats.example:4222", NODE, credentials], None),
        (&[OTHER, NODE, "--cluster-insecure"], None),
        (
            &[LOCAL, NODE, "--wechat-appid=x", "--wechat-secret-file=s"],
            Some(format!(r#"wechat-appid: expected {ONE_STORE}, not "x""#)),
        ),
        (
            &[LOCAL, NODE, "--login-replay=deny", "--token-keys=k"],
            Some(format!(r#"login-replay: expected allow, or {ONE_STORE}, not "deny""#)),
        ),
        (&[LOCAL, NODE, "--login-replay=deny", "--token-keys=k", "--accounts-node=b"], None),
        (&[LOCAL, NODE, "--wechat-appid=x", "--wechat-secret-file=s", "--accounts-node=a"], None),
        (&["--login-replay=deny", "--token-keys=k"], None),
    ];
    for (arguments, expected) in cases {
        match (run(arguments, "", &[]), expected) {
            (Ok(_), None) => {}
            (Err(Exit::Error(line)), Some(expected)) => {
                assert!(line.starts_with(&format!("sysconn: --{expected}")), "{arguments:?}: {line}");
            }
            other => panic!("{arguments:?}: {other:?}"),
        }
    }
    assert!(from_file("echo", "cluster = 'nats://10.0.0.1:4222'").is_ok(), "echo is alone");
}

/// An option that is wrong has one line: nothing says that it is missing beside another.
#[test]
fn an_option_that_is_wrong_is_not_missing() {
    for (arguments, wrong) in [
        (&["--cluster=bad", NODE, "--cluster-required", "--cluster-ca=c"][..], "cluster"),
        (&[LOCAL, "--node=BAD"], "node"),
        (&[LOCAL, NODE, "--login-replay=deny", "--token-keys=k", "--accounts-node=BAD"], "accounts-node"),
        (&[LOCAL, NODE, "--cluster-cert=c", "--cluster-key="], "cluster-key"),
        (&[LOCAL, NODE, "--cluster-cert=", "--cluster-key=k"], "cluster-cert"),
    ] {
        let Err(Exit::Error(lines)) = run(arguments, "", &[]) else { panic!("{arguments:?} are accepted") };
        assert!(lines.starts_with(&format!("sysconn: --{wrong}: expected ")), "{arguments:?}: {lines}");
        assert_eq!(lines.lines().count(), 1, "{arguments:?}: {lines}");
    }
}

#[test]
fn there_is_a_warning_about_options_without_effect() {
    for (arguments, expected) in [
        (&[][..], None),
        (&[LOCAL, NODE, "--cluster-required"], None),
        (&[LOCAL, NODE, "--cluster-ready"], Some("--cluster-ready has no effect without --admin")),
        (&[LOCAL, NODE, "--cluster-ready", "--admin=127.0.0.1:0"], None),
    ] {
        let warning = run(arguments, "", &[]).expect("valid options").cluster_warning();
        let is_expected = match (&warning, expected) {
            (Some(line), Some(expected)) => line.starts_with(expected),
            (None, None) => true,
            _ => false,
        };
        assert!(is_expected, "{arguments:?}: {warning:?}");
    }
}
