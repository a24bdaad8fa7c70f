//! Replaced certificates, and files without a certificate.

use std::sync::Arc;

use rustls::version::TLS13;
use sysconn::{Tls, TlsError};

use crate::client::{Certificate, connect, handshake};
use crate::common;
use crate::common::{Server, eventually};

#[test]
fn set_tls_is_for_new_clients_only() {
    let (old, new) = (Certificate::new(), Certificate::new());
    let server = Server::packets(&old.config());
    let (trusts_old, trusts_new) = (Arc::new(old.client(&TLS13)), Arc::new(new.client(&TLS13)));
    let mut client = connect(server.address, &trusts_old);
    client.echo(b"before");
    server.handle.set_tls(new.tls()).unwrap();
    eventually("new clients see the new certificate", || handshake(server.address, &trusts_new).is_ok());
    assert!(handshake(server.address, &trusts_old).is_err());
    client.echo(b"after");
    client.close();

    // A server without TLS cannot be given a certificate.
    let plain = Server::packets(&common::config());
    plain.handle.set_tls(new.tls()).unwrap();
    common::still_serves(plain.address);
    common::still_serves(plain.address);
}

/// As `openssl x509 -req` makes it: without extensions, and so of version 1.
const VERSION_1: &str = "\
-----BEGIN CERTIFICATE-----
MIIBEzCBuwIUQoKt6x9PTSq342fQm3WGHzs2ODkwCgYIKoZIzj0EAwIwDDEKMAgG
A1UEAwwBaDAgFw0yNjExMjkwMTI0MjVaGA8yMTI2MTEwNTAxMjQyNVowDDEKMAgG
A1UEAwwBaDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLIINcRrWJjk5GHvmxmW
wQKZKjYC6e7W5GeA4iHD6mnPcj3LRtxuUFTtjY+iH7gBYaW0ZchseCh70YudlsQr
WmUwCgYIKoZIzj0EAwIDRwAwRAIgSh8eJ+ylBzYu5YmPQ2uVe7iFlzrZaxlfRwXS
EptTKZ0CICOOfJJiEeBjGQrso2ojJakSdqdqWE0+MP2R37EPIRDD
-----END CERTIFICATE-----
";

/// The key of that.
const VERSION_1_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgafa5Ztz/7kZwHITA
W1DLukq83Ol+h3+rdpzVwkch4IShRANCAASyCDXEa1iY5ORh75sZlsECmSo2Aunu
1uRngOIhw+ppz3I9y0bcblBU7Y2Poh+4AWGltGXIbHgoe9GLnZbEK1pl
-----END PRIVATE KEY-----
";

/// For ECDSA with P-521.
const UNSUPPORTED_KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIAhCL/1vZbx0JVV81x
Lvd1cM4TQ931jPoqlMbNLShHpp24jDZaIF6eZ3jELz/3qws44tRq6NmLpBier/4w
p8UySxehgYkDgYYABAG4rh2bzWygPReH+KvsgL7NVuafQCE+l5AuafZdiD6CYQex
nxeKEYv9lO3Sy5iAYhbV2yxMdb9PyV9DVHwFG+rDsgEbtXvVNxB0p8YOqKL0Nc0P
mOg4rQk6m9Hg40rijIAXbJUrPgrhAsq/XW+9pAHlaSlSX4xUOzXaypmtUxw6Ma+G
Vw==
-----END PRIVATE KEY-----
";

#[test]
fn bad_certificates_and_bad_keys_have_different_errors() {
    let (one, two) = (Certificate::new(), Certificate::new());
    let cases = [
        (one.pem.as_str(), one.key.as_str(), None),
        (&format!("{}{}", one.key, one.pem), &format!("{}{}", one.pem, one.key), None),
        (&format!("{}{}", one.pem, two.pem), &one.key, None),
        ("", &one.key, Some(TlsError::Certificate)),
        (&one.key, &one.key, Some(TlsError::Certificate)),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &one.key,
            Some(TlsError::UnusableCertificate),
        ),
        (VERSION_1, VERSION_1_KEY, Some(TlsError::UnusableCertificate)),
        ("-----BEGIN CERTIFICATE-----\n", &one.key, Some(TlsError::UnusableCertificate)),
        (&one.pem, "", Some(TlsError::Key)),
        (&one.pem, &one.pem, Some(TlsError::Key)),
        (
            &one.pem,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            Some(TlsError::UnusableKey),
        ),
        (&one.pem, UNSUPPORTED_KEY, Some(TlsError::UnusableKey)),
        (&one.pem, &two.key, Some(TlsError::Mismatch)),
    ];
    for (pem, key, expected) in cases {
        assert_eq!(Tls::from_pem(pem.as_bytes(), key.as_bytes()).err(), expected, "{pem}{key}");
    }
}
