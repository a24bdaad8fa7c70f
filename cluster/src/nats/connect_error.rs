//! Why no server of NATS was connected to, in a sentence for the person who has configured it.

use std::error::Error as _;
use std::io;

use async_nats::rustls::{AlertDescription, CertificateError, Error as TlsError, InvalidMessage};
use async_nats::{ConnectError, ConnectErrorKind, ServerError};

use super::config::NatsConfig;
use super::connect::CONNECT_TIMEOUT;
use super::events::cut;

/// What the client library says of a first line that is not NATS's.
const NO_NATS: [&str; 2] = ["expected INFO", "invalid server operation"];

/// The error in words. Options are named as `sysconn serve` has them.
pub(super) fn in_words(error: &ConnectError, config: &NatsConfig) -> String {
    match error.kind() {
        ConnectErrorKind::TimedOut => format!("no NATS server has answered within {CONNECT_TIMEOUT:?}"),
        ConnectErrorKind::AuthorizationViolation if config.credentials.is_some() => {
            "it refuses the credentials of this node (--cluster-credentials)".to_owned()
        }
        ConnectErrorKind::AuthorizationViolation => {
            "it asks for credentials, and this node has none (--cluster-credentials)".to_owned()
        }
        ConnectErrorKind::Io => of_source(error, config),
        _ => cut(&error.to_string()),
    }
}

/// What is behind an error of input or output.
fn of_source(error: &ConnectError, config: &NatsConfig) -> String {
    let Some(source) = error.source() else { return error.to_string() };
    if let Some(says) = source.downcast_ref::<ServerError>() {
        return format!("it refuses the connection: {}", cut(&says.to_string()));
    }
    let inner = source.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref()) {
        return of_tls(error, config);
    }
    let text = cut(&source.to_string());
    if NO_NATS.iter().any(|begin| text.starts_with(begin)) {
        return format!("what answers is no NATS server: {text}");
    }
    text
}

fn of_tls(error: &TlsError, config: &NatsConfig) -> String {
    match error {
        // The first byte is that of no record (RFC 8446 §5.1).
        TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "it has no TLS, which tls://, --cluster-ca and --cluster-cert ask for".to_owned()
        }
        TlsError::InvalidCertificate(error) => format!("its certificate {}", of_certificate(error)),
        TlsError::AlertReceived(alert) if is_of_certificate(*alert) => match &config.cert {
            Some(_) => format!("it refuses the certificate of this node (--cluster-cert): {alert:?}"),
            None => format!("it asks for a certificate (--cluster-cert and --cluster-key): {alert:?}"),
        },
        other => cut(&other.to_string()),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    let why = match error {
        // The others are those of an authority that has the name of one that is trusted, and another key.
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is not signed by an authority that is trusted here (--cluster-ca FILE trusts others)"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "is not valid yet",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is for another name than that in its address (--cluster)"
        }
        CertificateError::Revoked => "was revoked",
        CertificateError::BadEncoding => "is broken",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not one for servers"
        }
        // The crate that verifies has no type of its own for this in rustls.
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "is that of an authority (CA:TRUE), not that of a server"
        }
        other => return format!("cannot be used: {}", cut(&other.to_string())),
    };
    why.to_owned()
}

/// Whether an alert is about the certificate that was shown, or was not (RFC 8446 §6.2).
fn is_of_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateRequired
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use async_nats::rustls::OtherError;

    use super::super::Credentials;
    use super::*;

    fn of(kind: ConnectErrorKind, source: impl Into<async_nats::Error>) -> ConnectError {
        ConnectError::with_source(kind, source)
    }

    #[test]
    fn each_error_is_a_sentence() {
        let plain = NatsConfig::default();
        let with_all = NatsConfig {
            cert: Some(PathBuf::from("node.pem")),
            credentials: Credentials::parse("node:secret").ok(),
            ..NatsConfig::default()
        };
        let io = ConnectErrorKind::Io;
        let tls = |error: TlsError| of(io, io::Error::other(error));
        let alert = |alert| tls(TlsError::AlertReceived(alert));
        let refused = || of(ConnectErrorKind::AuthorizationViolation, ServerError::AuthorizationViolation);
        let full = ServerError::Other("maximum connections exceeded".to_owned());
        for (error, config, expected) in [
            (
                ConnectError::new(ConnectErrorKind::TimedOut),
                &plain,
                "no NATS server has answered within 1.5s",
            ),
            (refused(), &plain, "it asks for credentials, and this node has none (--cluster-credentials)"),
            (refused(), &with_all, "it refuses the credentials of this node (--cluster-credentials)"),
            (of(io, full), &plain, "it refuses the connection: nats: maximum connections exceeded"),
            (
                of(io, "expected INFO, got nothing"),
                &plain,
                "what answers is no NATS server: expected INFO, got",
            ),
            (
                of(io, io::Error::other("invalid server operation: '220 a\\r\\n'")),
                &plain,
                "what answers is no NATS server: invalid server operation: '220 a",
            ),
            (of(io, io::Error::from(io::ErrorKind::ConnectionRefused)), &plain, "connection refused"),
            (
                tls(TlsError::InvalidMessage(InvalidMessage::InvalidContentType)),
                &plain,
                "it has no TLS, which tls://, --cluster-ca and",
            ),
            (
                alert(AlertDescription::CertificateRequired),
                &plain,
                "it asks for a certificate (--cluster-cert",
            ),
            (alert(AlertDescription::BadCertificate), &with_all, "it refuses the certificate of this node ("),
            (alert(AlertDescription::InternalError), &plain, "received fatal alert: InternalError"),
            (of(ConnectErrorKind::Dns, "no addresses resolved"), &plain, "DNS error: no addresses resolved"),
        ] {
            let words = in_words(&error, config);
            assert!(words.starts_with(expected), "{error}: {words}");
        }
        let long = in_words(&of(io, "x".repeat(1_000_000)), &plain);
        assert!(long.len() < 1_000, "{} characters", long.len());
    }

    #[test]
    fn each_error_of_a_certificate_is_a_sentence() {
        let untrusted = "is not signed by an authority that is trusted here (--cluster-ca";
        let of_another_kind = CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: vec![6],
            public_key_algorithm_id: vec![6],
        };
        let no_end_entity = OtherError(Arc::new(io::Error::other("CaUsedAsEndEntity")));
        for (error, expected) in [
            (CertificateError::UnknownIssuer, untrusted),
            (CertificateError::BadSignature, untrusted),
            (of_another_kind, untrusted),
            (CertificateError::Expired, "has expired"),
            (CertificateError::NotValidYet, "is not valid yet"),
            (CertificateError::NotValidForName, "is for another name than that in its address (--cluster)"),
            (CertificateError::Revoked, "was revoked"),
            (CertificateError::BadEncoding, "is broken"),
            (CertificateError::InvalidPurpose, "is not one for servers"),
            (
                CertificateError::Other(no_end_entity),
                "is that of an authority (CA:TRUE), not that of a server",
            ),
            (CertificateError::UnhandledCriticalExtension, "cannot be used: "),
        ] {
            let error = of(ConnectErrorKind::Io, io::Error::other(TlsError::InvalidCertificate(error)));
            let words = in_words(&error, &NatsConfig::default());
            assert!(words.starts_with(&format!("its certificate {expected}")), "{error}: {words}");
        }
    }
}
