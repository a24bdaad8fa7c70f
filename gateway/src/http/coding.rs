//! The content codings that a client takes (RFC 9110, section 12.5.3).

use hyper::HeaderMap;
use hyper::header::ACCEPT_ENCODING;

/// Whether a client takes gzip. One that does not say so does not.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let (mut gzip, mut any_other) = (None, None);
    for coding in values.flat_map(|value| value.split(',')) {
        let (name, weight) = coding.split_once(';').map_or((coding, None), |(name, rest)| (name, Some(rest)));
        let is_taken = weight.is_none_or(is_above_zero);
        match name.trim() {
            "*" => any_other = any_other.or(Some(is_taken)),
            name if ["gzip", "x-gzip"].iter().any(|known| name.eq_ignore_ascii_case(known)) => {
                gzip = gzip.or(Some(is_taken));
            }
            _ => {}
        }
    }
    gzip.or(any_other).unwrap_or(false)
}

/// Whether this is a weight, and not that of what a client refuses.
fn is_above_zero(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    name.trim().eq_ignore_ascii_case("q") && value.trim().parse().is_ok_and(|weight: f32| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for (lines, expected) in [
            (&[][..], false),
            (&[""], false),
            (&["gzip"], true),
            (&["GZip"], true),
            (&["x-gzip"], true),
            (&["gzip, deflate, br, zstd"], true),
            (&["br;q=1.0 ,\tgzip ; q=0.001"], true),
            (&["gzip;Q=1"], true),
            (&["gzip;q=0"], false),
            (&["gzip; q=0.000, *"], false),
            (&["*, gzip;q=0"], false),
            (&["gzip;q=x"], false),
            (&["gzip;q=-1"], false),
            (&["gzip;q="], false),
            (&["gzip;"], false),
            (&["gzip;level=1"], false),
            (&["*"], true),
            (&["*;q=0"], false),
            (&["*;q=0, gzip"], true),
            (&["identity"], false),
            (&["identity;q=0"], false),
            (&["br"], false),
            (&["notgzip, gzip2, gz ip"], false),
            (&["br", "gzip"], true),
            (&["gzip;q=0", "gzip"], false),
        ] {
            let mut headers = HeaderMap::new();
            lines.iter().for_each(|line| {
                headers.append(ACCEPT_ENCODING, line.parse().unwrap());
            });
            assert_eq!(takes_gzip(&headers), expected, "{lines:?}");
        }
    }
}
