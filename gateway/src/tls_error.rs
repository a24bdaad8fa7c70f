//! What went wrong with TLS, in a sentence for the person who wanted the connection.

use std::io;

use rustls::pki_types::pem;
use rustls::{CertificateError, Error, InvalidMessage};

use crate::options::shown;

/// The error in words. What the server sent is escaped.
pub(crate) fn in_words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => format!("the server's certificate {}", of_certificate(error)),
        // The first byte is that of no record (RFC 8446 §5.1).
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server sends something that is not TLS".to_owned()
        }
        other => shown(other.to_string()),
    }
}

/// The same of an error that holds one of rustls; `None` if it holds none.
pub(crate) fn of_io(error: &io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref().map(in_words)
}

/// Why a certificate cannot be read from a file: what it is or has, for a line that names it.
pub(crate) fn of_pem(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "has no line with its end".to_owned(),
        pem::Error::Base64Decode(_) => "is broken: expected base64".to_owned(),
        other => format!("cannot be used: {}", shown(other.to_string())),
    }
}

/// The same of one that is to be trusted, and cannot be.
pub(crate) fn of_root(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => of_certificate(error),
        other => format!("cannot be used: {}", shown(other.to_string())),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "is not signed by an authority that is trusted here (--ca FILE trusts others)".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<_> = presented.iter().map(|name| name_of(name)).collect();
            let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") };
            format!("is for {}, not for {}", shown(names), shown(&*expected.to_str()))
        }
        CertificateError::NotValidForName => "is for another name".to_owned(),
        CertificateError::Revoked => "was revoked".to_owned(),
        CertificateError::BadEncoding => "is broken".to_owned(),
        // The second is that of a name whose authority has another kind of key here.
        CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is not signed by the authority that it names (--ca FILE trusts others)".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "is not one for servers".to_owned()
        }
        // The crate that verifies has no type of its own for this in rustls.
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "is that of an authority (CA:TRUE), not that of a server".to_owned()
        }
        other => format!("cannot be used: {}", shown(other.to_string())),
    }
}

/// A name without its kind: rustls has `DnsName("a.example")`, or `IpAddress(192.0.2.1)`.
fn name_of(presented: &str) -> &str {
    let name = presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    name.unwrap_or(presented).trim_matches('"')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::{ServerName, UnixTime};
    use rustls::{AlertDescription, OtherError};

    use super::*;

    #[test]
    fn each_error_is_a_sentence() {
        let (time, day) = (UnixTime::since_unix_epoch, std::time::Duration::from_secs(86_400));
        let not_for = |presented: &[&str]| CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("a.example").unwrap(),
            presented: presented.iter().map(|&name| name.to_owned()).collect(),
        };
        let other =
            |text: &str| CertificateError::Other(OtherError(Arc::new(io::Error::other(text.to_owned()))));
        for (error, expected) in [
            (CertificateError::UnknownIssuer, "is not signed by an authority that is trusted here"),
            (CertificateError::ExpiredContext { time: time(2 * day), not_after: time(day) }, "has expired"),
            (not_for(&[]), "is for no name, not for a.example"),
            (
                not_for(&[r#"DnsName("b.example")"#, "IpAddress(192.0.2.1)"]),
                "is for b.example, 192.0.2.1, not for a.example",
            ),
            (not_for(&["DnsName(\"\u{1b}[2J\")"]), r"is for \u{1b}[2J, not for"),
            (other("CaUsedAsEndEntity"), "is that of an authority (CA:TRUE), not that of a server"),
            (other("a\nb"), "cannot be used: Other("),
        ] {
            let words = in_words(&Error::InvalidCertificate(error));
            assert!(words.starts_with(&format!("the server's certificate {expected}")), "{words}");
            assert!(words.chars().all(|letter| !letter.is_control()), "{words:?}");
        }
        let plain = Error::InvalidMessage(InvalidMessage::InvalidContentType);
        assert_eq!(of_io(&io::Error::other(plain)).unwrap(), "the server sends something that is not TLS");
        let alert = Error::AlertReceived(AlertDescription::InternalError);
        assert_eq!(in_words(&alert), "received fatal alert: InternalError");
        assert_eq!(of_io(&io::Error::other("another")), None);
        assert_eq!(of_io(&io::ErrorKind::NotFound.into()), None);
    }
}
