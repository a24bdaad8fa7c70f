//! The platform over HTTPS, whose certificate must be of a root that the system trusts.

use std::io::{Read, Write};
use std::process::Command;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::common::eventually;
use super::platform::{APPID, Platform, SECRET, code_of};
use super::{Client, Program, Scratch};

/// A platform with a certificate for these hosts, and the file of that.
fn platform(hosts: Vec<String>) -> (Platform, Scratch) {
    let made = rcgen::generate_simple_self_signed(hosts).unwrap();
    let roots = Scratch::new("roots.pem");
    std::fs::write(&roots.0, made.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let config = Arc::new(config);
    let wrap = move |stream| -> Box<dyn super::platform::Stream> {
        Box::new(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream))
    };
    (Platform::over(wrap), roots)
}

#[test]
fn only_a_platform_with_a_trusted_certificate_gets_a_code() {
    let [(platform, roots), (_, other_roots)] = [0, 1].map(|_| self::platform(vec!["localhost".to_owned()]));
    let (elsewhere, its_roots) =
        self::platform((0..300).map(|number| format!("{}{number}.example", "x".repeat(50))).collect());
    let secret = Scratch::secret();
    for (platform, roots, is_trusted) in
        [(&platform, &roots, true), (&platform, &other_roots, false), (&elsewhere, &its_roots, false)]
    {
        let url = format!("https://localhost:{}", platform.address.port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--wechat-appid", APPID, "--wechat-url", &url]);
        command.args(["--wechat-secret-file", secret.path()]).env_clear().env("SSL_CERT_FILE", roots.path());
        let program = Program::start_as(&mut command);
        let requests = platform.requests();
        let answer = Client::connect(program.address()).wechat(&code_of("o1"), 1);
        let log = || String::from_utf8_lossy(&program.log()).into_owned();
        assert_eq!(answer.is_ok(), is_trusted, "{answer:?} {}", log());
        assert_eq!(platform.requests() - requests, usize::from(is_trusted));
        let logged = if is_trusted { r#"account="o1""# } else { "failed: invalid peer certificate" };
        eventually("the log says so", || log().contains(logged));
        assert!(log().lines().all(|line| line.len() < 1024), "whatever the certificate says");
    }
}

#[test]
fn a_proxy_that_refuses_is_named_and_gets_no_code() {
    let proxy = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = proxy.local_addr().unwrap();
    let asked = std::thread::spawn(move || {
        let head = |_| {
            let (mut stream, _) = proxy.accept().unwrap();
            let mut bytes = vec![];
            while !bytes.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                bytes.extend(byte);
            }
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
            String::from_utf8(bytes).unwrap()
        };
        [0, 1].map(head)
    });
    let secret = Scratch::secret();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--wechat-appid", APPID]);
    command.args(["--wechat-secret-file", secret.path()]).env_clear();
    let program = Program::start_as(command.env("HTTPS_PROXY", format!("http://{address}")));
    assert_eq!(Client::connect(program.address()).wechat(&code_of("o1"), 1), Err(6));
    let expected = "wechat: the login failed: the proxy (HTTPS_PROXY) does not connect to the platform";
    eventually("the log says so", || String::from_utf8_lossy(&program.log()).contains(expected));
    for head in asked.join().unwrap() {
        assert!(head.starts_with("CONNECT api.weixin.qq.com:443 "), "{head}");
        assert!(!head.contains(&code_of("o1")) && !head.contains(SECRET), "{head}");
    }
}
