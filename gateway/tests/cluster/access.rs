//! How a program reaches NATS, and what ends its start.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::atomic::Ordering;

use super::certificates::Certificates;
use super::client::serve;
use super::common::{Program, eventually};
use super::false_server::{FalseServer, Fault};
use super::nats;
use super::nodes::Nodes;

/// The names of the program's threads (proc(5)).
fn threads(program: &Program) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", program.id())).unwrap();
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.map(|task| name(task.unwrap()).trim_end().to_owned()).collect()
}

#[test]
fn the_thread_of_the_cluster_is_there_only_with_one() {
    let nodes = Nodes::start(&["a"], &[]);
    for (program, expected) in [(nodes.of("a"), true), (&serve(), false)] {
        let threads = threads(program);
        assert_eq!(threads.iter().any(|name| name == "sysconn-cluster"), expected, "{threads:?}");
    }
}

#[test]
fn clusters_with_other_names_share_nats_and_nothing_else() {
    let nodes = Nodes::start(&["a"], &[]);
    let address = nodes.nats.as_ref().unwrap().address();
    let other =
        ["serve", "--listen", "127.0.0.1:0", "--cluster-id", "other", "--cluster", &address, "--node", "a"];
    let _other = Program::start(&other);
    assert_eq!(nodes.figure("a", "sysconn_cluster_nodes"), 1);
}

#[test]
fn a_nats_server_that_takes_too_little_gets_a_warning() {
    for (max_payload, is_warned) in [(131_071, true), (131_072, false)] {
        let server = nats::Server::start(&format!("max_payload: {max_payload}\n"));
        let address = server.address();
        let program =
            Program::start(&["serve", "--listen", "127.0.0.1:0", "--cluster", &address, "--node", "a"]);
        eventually("it has joined", || {
            String::from_utf8_lossy(&program.log()).contains("the server is a in the cluster")
        });
        let log = String::from_utf8_lossy(&program.log()).into_owned();
        assert_eq!(log.contains("max_payload of NATS is 131071"), is_warned, "{log}");
    }
}

#[test]
fn a_program_shows_its_certificate_and_credentials() {
    let own = Certificates::make(nats::folder());
    let login = own.path("login");
    fs::write(&login, "node:secret\n").unwrap();
    let server = nats::Server::start(&format!(
        "{}authorization {{ user: node, password: secret }}\n",
        own.of_server()
    ));
    let [ca, cert, key, login] =
        ["ca.pem", "node.pem", "node.key", "login"].map(|name| own.path(name).display().to_string());
    let address = &server.address();
    let options = [
        format!("--cluster={address}"),
        "--node=a".to_owned(),
        format!("--cluster-ca={ca}"),
        format!("--cluster-cert={cert}"),
        format!("--cluster-key={key}"),
        format!("--cluster-credentials={login}"),
    ];
    let start = |options: &[String]| {
        let words =
            ["serve", "--listen", "127.0.0.1:0"].into_iter().chain(options.iter().map(String::as_str));
        Program::start(&words.collect::<Vec<_>>())
    };
    let says = |program: &Program, part: &str| {
        eventually(part, || String::from_utf8_lossy(&program.log()).contains(part));
    };
    says(&start(&options), "the server is a in the cluster sysconn");
    // Without one of them it is alone, and says why.
    std::thread::scope(|scope| {
        for (left_out, expected) in [
            (
                &["ca"][..],
                "its certificate is not signed by an authority that is trusted here (--cluster-ca ",
            ),
            (&["cert", "key"], "it asks for a certificate (--cluster-cert and --cluster-key): "),
            (&["credentials"], "it asks for credentials, and this node has none (--cluster-credentials)"),
        ] {
            let is_left_out = |option: &String| {
                left_out.iter().any(|name| option.starts_with(&format!("--cluster-{name}=")))
            };
            let mut options = options.to_vec();
            options.retain(|option| !is_left_out(option));
            let expected = format!("NATS cannot be used: {address}: {expected}");
            scope.spawn(move || says(&start(&options), &expected));
        }
    });
}

#[test]
fn files_that_cannot_be_used_end_the_start() {
    let own = Certificates::make(nats::folder());
    let other = Certificates::make(nats::folder());
    let path = |name: &str| own.path(name).display().to_string();
    let (file, none, fifo, ours) = (path("file"), path("none"), path("fifo"), path("node.pem"));
    let (key, others) = (path("node.key"), other.path("node.key").display().to_string());
    fs::write(&file, "no credentials").unwrap();
    // Nobody ever writes to it.
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let no_files = [&file, &none, &fifo, "/dev/zero", "/"];
    let mut cases = vec![];
    for no_file in no_files {
        cases.push((vec![format!("--cluster-ca={no_file}")], "--cluster-ca: "));
        cases.push((vec![format!("--cluster-credentials={no_file}")], "--cluster-credentials: "));
        let pair =
            |cert: &str, key: &str| vec![format!("--cluster-cert={cert}"), format!("--cluster-key={key}")];
        cases.push((pair(no_file, &key), "--cluster-cert"));
        cases.push((pair(&ours, no_file), "--cluster-"));
    }
    let others = vec![format!("--cluster-cert={ours}"), format!("--cluster-key={others}")];
    cases.push((others, "--cluster-cert and --cluster-key: "));
    for (options, expected) in cases.into_iter().chain([
        (vec![format!("--cluster-ca={none}")], "--cluster-ca: "),
        (vec![format!("--cluster-cert={none}"), format!("--cluster-key={file}")], "--cluster-cert: "),
        (vec![format!("--cluster-cert={file}"), format!("--cluster-key={none}")], "--cluster-key: "),
        (vec![format!("--cluster-credentials={none}")], "--cluster-credentials: "),
        (vec![format!("--cluster-credentials={file}")], "--cluster-credentials: "),
        (vec!["--cluster=nats://user:secret@127.0.0.1:1".to_owned()], "--cluster: "),
    ]) {
        for mode in ["serve", "check-config"] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
            command.args([mode, "--listen=127.0.0.1:0", "--cluster=nats://127.0.0.1:1", "--node=a"]);
            let output = command.args(&options).env_clear().output().unwrap();
            let says = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{mode} {options:?}: {says}");
            // Warnings may come before, and what follows from the mistake behind.
            let expected = format!("sysconn: {expected}");
            assert!(says.lines().any(|line| line.starts_with(&expected)), "{mode} {options:?}: {says}");
            assert!(!says.contains("secret"), "{mode}: {says}");
        }
    }
}

#[test]
fn secrets_that_everybody_can_read_get_a_warning() {
    let own = Certificates::make(nats::folder());
    let login = own.path("login");
    fs::write(&login, "node:secret\n").unwrap();
    let [cert, key, login] =
        ["node.pem", "node.key", "login"].map(|name| own.path(name).display().to_string());
    for (mode, is_warned) in [(0o644, true), (0o640, false)] {
        for file in [&key, &login] {
            fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
        command.args(["check-config", "--cluster=nats://127.0.0.1:1", "--node=a"]);
        command.args([format!("--cluster-cert={cert}"), format!("--cluster-key={key}")]);
        let output = command.arg(format!("--cluster-credentials={login}")).env_clear().output().unwrap();
        let says = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{says}");
        for secret in ["the key", "the credentials"] {
            let line = format!("every user of this machine can read {secret} (chmod o-r)");
            assert_eq!(says.contains(&line), is_warned, "{mode:o}: {says}");
        }
    }
}

/// What a NATS server says or does again and again does not fill the log.
#[test]
fn lines_about_nats_are_limited() {
    for (fault, about, left_out) in [
        (Fault::Repeats("odd"), "NATS reports: ", "more lines about errors of NATS were left out"),
        (Fault::Repeats("Permissions Violation for Publish to \"x\""), "NATS cannot be used: ", ""),
        (Fault::Closes, "NATS cannot be used: ", ""),
    ] {
        let server = FalseServer::start(fault);
        let address = server.address();
        let program =
            Program::start(&["serve", "--listen", "127.0.0.1:0", "--cluster", &address, "--node", "a"]);
        let log = || String::from_utf8_lossy(&program.log()).into_owned();
        eventually("it is named", || log().contains(about) && log().contains(left_out));
        // As many tries again.
        let before = server.connections.load(Ordering::Relaxed);
        eventually("it tries again", || {
            server.connections.load(Ordering::Relaxed) > before + 4 || log().contains("alone until one can")
        });
        let lines = log().lines().filter(|line| line.contains("NATS")).count();
        assert!(lines < 50, "{fault:?}: {lines} lines");
    }
}
