//! Warnings about usable certificates and keys: validity dates, and the cost of a signature.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::SigningKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;

/// A certificate that expires within this time gets a warning.
const WARN_BEFORE: Duration = Duration::from_secs(14 * DAY_SECS);
const DAY_SECS: u64 = 24 * 60 * 60;
/// The longest RSA key without a warning, in bits.
const MAX_RSA_BITS: usize = 3072;
/// How many signatures are timed; the fastest one counts.
const TIMED_SIGNATURES: usize = 3;

/// One line for each certificate of a chain that has expired, is not valid yet, or expires soon.
pub(crate) fn warnings(chain: &[u8], now: SystemTime) -> Vec<String> {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let certificates = CertificateDer::pem_slice_iter(chain).filter_map(Result::ok);
    let lines = (1..).zip(certificates).filter_map(|(number, der)| {
        let (_, certificate) = X509Certificate::from_der(&der).ok()?;
        let what = validity(&certificate, now)?;
        Some(if number == 1 {
            format!("the certificate {what}")
        } else {
            format!("certificate {number} {what}")
        })
    });
    lines.collect()
}

/// When the first certificate of a chain ends, in seconds since 1970.
pub(crate) fn ends(chain: &[u8]) -> Option<i64> {
    let certificates = CertificateDer::pem_slice_iter(chain).filter_map(Result::ok);
    let ends = certificates.filter_map(|der| {
        let (_, certificate) = X509Certificate::from_der(&der).ok()?;
        Some(certificate.validity().not_after.timestamp())
    });
    ends.min()
}

/// The warning about a certificate's dates, if any. `now` is Unix time in seconds.
fn validity(certificate: &X509Certificate<'_>, now: u64) -> Option<String> {
    let validity = certificate.validity();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let left = validity.not_after.timestamp().saturating_sub(now);
    if validity.not_before.timestamp() > now {
        return Some(format!("is not valid before {}: clients refuse it", date(validity.not_before)));
    }
    match u64::try_from(left) {
        Err(_) => Some(format!("has expired on {}: clients refuse it", date(validity.not_after))),
        Ok(left) if left <= WARN_BEFORE.as_secs() => {
            let days = match left / DAY_SECS {
                0 => "less than a day".to_owned(),
                1 => "1 day".to_owned(),
                days => format!("{days} days"),
            };
            Some(format!("expires on {}, in {days}", date(validity.not_after)))
        }
        Ok(_) => None,
    }
}

fn date(time: ASN1Time) -> String {
    let at = time.to_datetime();
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    format!("{year}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC", u8::from(month))
}

/// A warning about an RSA key longer than [`MAX_RSA_BITS`], with the measured time of one signature. Each
/// full handshake needs one, and the worker that makes it serves no other client meanwhile.
pub(crate) fn costly_key(chain: &[u8], key: &[u8]) -> Option<String> {
    let certificate = CertificateDer::from_pem_slice(chain).ok()?;
    let (_, certificate) = X509Certificate::from_der(&certificate).ok()?;
    let PublicKey::RSA(public) = certificate.public_key().parsed().ok()? else { return None };
    let bits = public.key_size();
    if bits <= MAX_RSA_BITS {
        return None;
    }
    let key = any_supported_type(&PrivateKeyDer::from_pem_slice(key).ok()?).ok()?;
    let times = (0..TIMED_SIGNATURES).filter_map(|_| time_of_signature(&*key));
    let cost = times.min()?.as_micros();
    Some(format!(
        "a signature with this RSA key of {bits} bits takes {}.{} ms, in which the worker serves nobody else: \
         RSA with {MAX_RSA_BITS} bits or less, or ECDSA, costs a fraction",
        cost / 1000,
        cost % 1000 / 100
    ))
}

#[expect(clippy::disallowed_methods, reason = "measured outside of the reactors")]
fn time_of_signature(key: &dyn SigningKey) -> Option<Duration> {
    let scheme = rustls::SignatureScheme::RSA_PSS_SHA256;
    let signer = key.choose_scheme(&[scheme])?;
    let began = Instant::now();
    signer.sign(b"as long as it takes").ok()?;
    Some(began.elapsed())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    /// A self-signed certificate that is valid from the one day to the other.
    fn certificate(from: (i32, u8, u8), to: (i32, u8, u8)) -> String {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(to.0, to.1, to.2);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    /// Seconds behind the beginning of 2030-06-15, before it if they are negative.
    fn at(seconds: i64) -> SystemTime {
        let midnight = date_time_ymd(2030, 6, 15).unix_timestamp();
        UNIX_EPOCH + Duration::from_secs((midnight + seconds).try_into().unwrap())
    }

    #[test]
    fn dates_are_told_of_from_14_days_before_the_end() {
        let day = DAY_SECS as i64;
        let made = certificate((2030, 6, 15), (2030, 9, 1));
        let ends = 78 * day;
        for (seconds, expected) in [
            (-1, "the certificate is not valid before 2030-06-15 00:00:00 UTC: clients refuse it"),
            (0, ""),
            (ends - 14 * day - 1, ""),
            (ends - 14 * day, "the certificate expires on 2030-09-01 00:00:00 UTC, in 14 days"),
            (ends - 2 * day + 1, "the certificate expires on 2030-09-01 00:00:00 UTC, in 1 day"),
            (ends - 1, "the certificate expires on 2030-09-01 00:00:00 UTC, in less than a day"),
            (ends, "the certificate expires on 2030-09-01 00:00:00 UTC, in less than a day"),
            (ends + 1, "the certificate has expired on 2030-09-01 00:00:00 UTC: clients refuse it"),
        ] {
            let expected: Vec<_> = [expected].into_iter().filter(|line| !line.is_empty()).collect();
            assert_eq!(warnings(made.as_bytes(), at(seconds)), expected, "{seconds}");
        }
    }

    #[test]
    fn each_certificate_of_a_chain_is_looked_at() {
        let long = certificate((2000, 1, 1), (2049, 1, 1));
        // Dates from 2050 on are written in another form (RFC 5280 §4.1.2.5).
        let future = certificate((2051, 1, 1), (2060, 1, 1));
        let old = certificate((2020, 1, 1), (2021, 1, 1));
        let chain = [long.as_str(), &old, &long, &future].concat();
        let expected = [
            "certificate 2 has expired on 2021-01-01 00:00:00 UTC: clients refuse it",
            "certificate 4 is not valid before 2051-01-01 00:00:00 UTC: clients refuse it",
        ];
        assert_eq!(warnings(chain.as_bytes(), at(0)), expected);
        assert!(warnings(b"no PEM", at(0)).is_empty());
    }

    #[test]
    fn an_rsa_key_of_more_than_3072_bits_is_told_of_with_its_cost() {
        for (key, costly) in [
            (include_str!("certificates/rsa-3072.pem"), false),
            (include_str!("certificates/rsa-4096.pem"), true),
            (&KeyPair::generate().unwrap().serialize_pem(), false),
        ] {
            let pair = KeyPair::from_pem(key).unwrap();
            let own = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&pair).unwrap();
            let line = costly_key(own.pem().as_bytes(), key.as_bytes());
            assert_eq!(line.is_some(), costly, "{line:?}");
            let says =
                |line: &String| line.contains("this RSA key of 4096 bits takes ") && line.contains(" ms, ");
            assert!(line.iter().all(says), "{line:?}");
        }
    }
}
