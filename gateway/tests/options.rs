//! The program's exit status and output when it ends before it listens.

use std::io;
use std::process::{Command, Output};

/// Names and values of environment variables.
type Env<'a> = &'a [(&'a str, &'a str)];

fn sysconn(arguments: &[&str], environment: Env<'_>) -> io::Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    command.args(arguments).env_clear().envs(environment.iter().copied()).output()
}

#[test]
fn bad_input_ends_with_one_line_and_status_2() -> io::Result<()> {
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/bad-options.toml");
    let cases: [(&[&str], Env<'_>, &str, &str); 23] = [
        (&["--no-such-flag"], &[], "", "--no-such-flag"),
        (&["no-such-command"], &[], "", "no-such-command"),
        (&["serve", "--max-len", "0"], &[], "", "--max-len: "),
        (&["echo", "--max-len", "64.5MiB"], &[], "", "--max-len: "),
        (&["echo", "--read-timeout"], &[], "", "--read-timeout"),
        (&["--origin", "https://*"], &[], "", "a '*' can only be the first part of a host's name"),
        (&["echo", "--path", "/ws*"], &[], "", "a '*' can only be the last part of a path"),
        (&["--config", file], &[], "origin = 'a.example'", "an origin begins with its scheme"),
        (&["--max-len", "8"], &[], "", "--max-len: expected at least 9"),
        (&["--workers", "0"], &[], "", "--workers: expected a whole number, 1 to 255"),
        (&["echo", "--workers", "256"], &[], "", "--workers: "),
        (&["--listen", "0.0.0.0:0"], &[], "", "--auth open"),
        (
            &["--dev", "--auth", "open", "--listen", "0.0.0.0:0"],
            &[],
            "",
            "--listen: expected a loopback address",
        ),
        (&["--dev", "--listen", "unix:/no/such/socket"], &[], "", "--listen: expected a TCP address"),
        (&["--dev-listen", "0.0.0.0:0"], &[], "", "--dev-listen: expected 127.0.0.1:PORT or [::1]:PORT"),
        (&[], &[("SYSCONN_OVERFLOW", "wait")], "", "SYSCONN_OVERFLOW: "),
        (&["--config", file], &[], "max_len = '1GiB'", "bad-options.toml: max_len: "),
        (&["--config", file], &[], "nothing = 1", "unknown key \"nothing\""),
        (&["--tls-cert", file], &[], "", "--tls-cert: expected --tls-key"),
        (&["echo", "--tls-key", file], &[], "", "--tls-key: expected --tls-cert"),
        (
            &["--tls-cert", "/no/such.pem", "--tls-key", file],
            &[],
            "",
            "--tls-cert: /no/such.pem: cannot be read: ",
        ),
        (&["--tls-cert", file, "--tls-key", file], &[], "", ": no certificate in PEM"),
        (&["--config", "/no/such/file.toml"], &[], "", "--config: /no/such/file.toml: cannot be read"),
    ];
    for (arguments, environment, content, part) in cases {
        std::fs::write(file, content)?;
        let output = sysconn(arguments, environment)?;
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(error.starts_with("sysconn: ") && error.contains(part), "{arguments:?}: {error}");
        assert_eq!(error.find('\n'), Some(error.len() - 1), "{arguments:?}: {error}");
    }
    Ok(())
}

#[test]
fn help_and_version_go_to_standard_output() -> io::Result<()> {
    let cases: [(&[&str], &str); 8] = [
        (&["--help"], "--max-connections-per-ip <COUNT>"),
        (&["help"], "--max-connections-per-ip <COUNT>"),
        (&["help", "call"], "Usage: sysconn call [OPTIONS] <URL> <COMMAND>"),
        (&["accounts", "help"], "Usage: sysconn accounts <COMMAND>"),
        (&["serve", "--help"], "[default: 127.0.0.1:9001]"),
        (&["echo", "-h"], "[default: 127.0.0.1:9002]"),
        (&["--version"], concat!("sysconn ", env!("CARGO_PKG_VERSION"), "\n")),
        (&["echo", "-V"], concat!("sysconn ", env!("CARGO_PKG_VERSION"), "\n")),
    ];
    for (arguments, part) in cases {
        let output = sysconn(arguments, &[])?;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains(part), "{arguments:?}");
    }
    Ok(())
}
