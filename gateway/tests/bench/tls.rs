//! TLS: the certificate must be of one of the roots.

use std::fs;
use std::path::PathBuf;

use crate::common::Program;
use crate::{count, run, run_briefly};

#[test]
fn a_server_with_tls_is_put_under_load() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-tls-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = |name| folder.join(name).to_str().unwrap().to_owned();
    let (cert, key, other) = (path("cert.pem"), path("key.pem"), path("other.pem"));
    let made = |names: &[&str]| {
        rcgen::generate_simple_self_signed(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
            .unwrap()
    };
    let certificate = made(&["localhost", "127.0.0.1"]);
    fs::write(&cert, certificate.cert.pem()).unwrap();
    fs::write(&key, certificate.signing_key.serialize_pem()).unwrap();
    fs::write(&other, made(&["localhost"]).cert.pem()).unwrap();
    let program =
        Program::start(&["echo", "--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", &key]);
    let url = format!("wss://{}", program.address());
    for arguments in [
        &["--rate", "300"][..],
        &["--size", "200000", "--pipeline", "3", "--connections", "2"],
        &["--churn", "2", "--connections", "2"],
    ] {
        let (status, figures) = run_briefly(&url, &[&["--echo", "--ca", &cert], arguments].concat());
        let (sent, answered) = (count(&figures, "sent"), count(&figures, "answered"));
        assert!(status == 0 && sent == answered && sent > 0, "{arguments:?}: {figures}");
    }
    let plain = Program::start(&["echo", "--listen", "127.0.0.1:0"]);
    let plain = format!("wss://{}", plain.address());
    for (url, ca, expected) in [
        (&url, &other, "the server's certificate is not signed by"),
        (&plain, &cert, "the server sends something that is not TLS"),
    ] {
        let ended = run(url, &["--echo", "--ca", ca, "--connections", "1"]);
        let expected = format!("no connection: TLS: {expected}");
        assert!(ended.status == 3 && ended.error.contains(&expected), "{}", ended.error);
    }
    fs::remove_dir_all(&folder).unwrap();
}
