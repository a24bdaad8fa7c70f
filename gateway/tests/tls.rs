//! The program with TLS: certificates from files, read again at SIGHUP, and its log lines about them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "the library's tests use the rest")]
#[path = "../../tests/tls/client.rs"]
mod client;
mod common;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use client::{Certificate, connect, handshake, hello, still_serves};
use common::{Client, Frame, Program, eventually, frame};
use rustix::process::Signal;
use rustls::version::{TLS12, TLS13};
use sysconn::frame::Opcode;

/// The two files, in a folder of their own.
struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{name}"));
        fs::create_dir_all(&folder).unwrap();
        Files(folder)
    }

    fn write(&self, certificate: &str, key: &str) {
        fs::write(self.0.join("cert.pem"), certificate).unwrap();
        fs::write(self.0.join("key.pem"), key).unwrap();
    }

    fn start(&self, mode: &str, workers: &str) -> Program {
        let path = |name| self.0.join(name).to_str().unwrap().to_owned();
        let (cert, key) = (path("cert.pem"), path("key.pem"));
        let listen = [mode, "--listen", "127.0.0.1:0", "--workers", workers];
        Program::start(&[&listen[..], &["--tls-cert", &cert, "--tls-key", &key]].concat())
    }
}

#[test]
fn sighup_reads_the_certificate_again() {
    for workers in ["1", "3"] {
        sighup(workers);
    }
}

fn sighup(workers: &str) {
    let (old, new) = (Certificate::new(), Certificate::new());
    let files = Files::new("sighup");
    files.write(&old.pem, &old.key);
    let mut program = files.start("serve", workers);
    let address = program.address();
    let (trusts_old, trusts_new) = (Arc::new(old.client(&TLS13)), Arc::new(new.client(&TLS13)));
    let mut client = connect(address, &trusts_old);
    assert!(handshake(address, &trusts_new).is_err());

    files.write(&new.pem, &new.key);
    program.signal(Signal::HUP);
    eventually("new clients see the new certificate, whatever worker they come to", || {
        (0..10).all(|_| handshake(address, &trusts_new).is_ok())
    });
    client.echo(b"undisturbed");

    for (broken, key) in [("", ""), (old.pem.as_str(), new.key.as_str())] {
        let before = program.log().len();
        files.write(broken, key);
        program.signal(Signal::HUP);
        eventually("the log says so", || {
            String::from_utf8_lossy(&program.log()[before..]).contains("the certificate stays as it was: ")
        });
        still_serves(address, &trusts_new);
    }
    client.echo(b"undisturbed");
    program.signal(Signal::TERM);
    client.expect_close(1001, "draining");
    drop(client);
    assert_eq!(program.wait().0.code(), Some(0));
}

#[test]
fn a_failed_handshake_is_logged_in_one_line_with_the_reason() {
    let (ours, other) = (Certificate::new(), Certificate::new());
    let files = Files::new("failed");
    files.write(&ours.pem, &ours.key);
    let program = files.start("serve", "1");
    let lines = || String::from_utf8_lossy(&program.log()).into_owned();
    assert!(handshake(program.address(), &Arc::new(other.client(&TLS13))).is_err());
    eventually("the alert is shown", || lines().contains("TLS handshake failed id="));
    drop(Client::raw(program.address()));
    eventually("an end is shown", || lines().matches("TLS handshake failed id=").count() == 2);
    for reason in ["received fatal alert", "the client ended the connection"] {
        assert!(lines().contains(&format!("reason=\"{reason}")), "{}", lines());
    }
    assert!(!lines().contains("connection ended"), "{}", lines());
}

#[test]
fn certificate_dates_are_checked_at_start_and_at_each_reload() {
    let made = |from, to| {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    };
    let files = Files::new("dates");
    let write = |(certificate, key): (String, String)| files.write(&certificate, &key);
    write(made(2020, 2021));
    let program = files.start("serve", "2");
    let lines = |part: &str| String::from_utf8_lossy(&program.log()).matches(part).count();
    let expired = "cert.pem: the certificate has expired on 2021-01-01 00:00:00 UTC: clients refuse it";
    assert_eq!((lines(expired), lines("WARN")), (1, 1));

    write(made(2090, 2091));
    program.signal(Signal::HUP);
    let early = "cert.pem: the certificate is not valid before 2090-01-01 00:00:00 UTC: clients refuse it";
    eventually("the log says so", || lines(early) == 1);
    write(made(2020, 2090));
    program.signal(Signal::HUP);
    // The reload is over once both workers have the new one.
    eventually("the new one is used", || lines("new clients see the new certificate") == 4);
    assert_eq!((lines(expired), lines(early), lines("WARN")), (1, 1, 2));
}

#[test]
fn echo_speaks_tls_too() {
    let certificate = Certificate::new();
    let files = Files::new("echo");
    files.write(&certificate.pem, &certificate.key);
    let program = files.start("echo", "1");
    let mut client = connect(program.address(), &Arc::new(certificate.client(&TLS12)));
    client.send(&frame(Opcode::Text, "κόσμε".as_bytes()));
    assert_eq!(client.next(), Frame::Text("κόσμε".into()));
    client.close();
}

#[test]
fn stalled_handshakes_cost_no_time() {
    let certificate = Certificate::new();
    let files = Files::new("idle");
    files.write(&certificate.pem, &certificate.key);
    let program = files.start("serve", "1");
    let tls = Arc::new(certificate.client(&TLS13));
    let hello = hello(&tls);
    let stalled = [0, 1, 50, hello.len()].map(|len| {
        let mut client = Client::raw(program.address());
        client.send(&hello[..len]);
        client
    });
    stalled[2].shutdown_write();
    let mut notified = connect(program.address(), &tls);
    notified.stream.conn.send_close_notify();
    notified.stream.flush().unwrap();
    assert_eq!(notified.next(), Frame::End);
    let mut witness = connect(program.address(), &tls);
    witness.echo(b"settled");
    for _ in 0..100 {
        witness.echo(b"still");
        program.falls_asleep();
    }
}
