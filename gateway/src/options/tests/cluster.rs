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
    let pair = all(run(&["--cluster-cert=c", "--cluster-key=k"], "", &[]));
    assert!(pair.contains("cluster: ClusterOptions"));
    assert_eq!(pair, all(from_file("serve", "cluster_cert = 'c'\ncluster_key = 'k'")));
    let variables = [("SYSCONN_CLUSTER_CERT", "c"), ("SYSCONN_CLUSTER_KEY", "k")];
    assert_eq!(pair, all(run(&[], "", &variables)));
}

#[test]
fn what_does_not_go_together_is_refused() {
    const ONE_STORE: &str = "--accounts-node beside it in a cluster, the one server that keeps it";
    const TLS: &str = "TLS (tls:// or --cluster-ca)";
    let secure = |missing: &str| {
        let expected =
            format!("a loopback address, or {missing} beside it, or --cluster-insecure to do without");
        Some(format!("cluster: expected {expected}, not \"nats://10.0.0.1:4222\""))
    };
    let credentials = "--cluster-credentials=c";
    let cases: [(&[&str], Option<String>); 17] = [
        (&[LOCAL, NODE], None),
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

#[test]
fn there_is_a_warning_about_options_without_effect() {
    for (arguments, expected) in [
        (&[][..], None),
        (&[LOCAL, NODE, "--cluster-required"], None),
        (&["--node=a"], Some("node has no effect without cluster: ")),
        (&["--cluster-required"], Some("cluster-required has no effect without cluster: ")),
        (&[LOCAL, NODE, "--cluster-ready"], Some("cluster-ready has no effect without admin")),
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
