//! Negotiation of permessage-deflate: the client's offers and the answer to them (RFC 7692 §7).

use crate::config::DeflateMode;

/// The base-2 logarithm of the window that is kept for a client.
const CLIENT_WINDOW_BITS: u8 = 13;

/// The parameters that client and server have agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// The server begins each message with an empty window (§7.1.1.1).
    pub server_no_context_takeover: bool,
    /// The client begins each message with an empty window (§7.1.1.2).
    pub client_no_context_takeover: bool,
    /// The base-2 logarithm of the server's window, 9 to 15; `None` if the client does not limit it
    /// (§7.1.2.1).
    pub server_max_window_bits: Option<u8>,
    /// The base-2 logarithm of the client's window, 9 to 15; `None` if the server does not limit it
    /// (§7.1.2.2).
    pub client_max_window_bits: Option<u8>,
}

impl Agreement {
    /// The value of `Sec-WebSocket-Extensions` in the response.
    #[must_use]
    pub fn header_value(&self) -> String {
        let mut value = String::from("permessage-deflate");
        if self.server_no_context_takeover {
            value.push_str("; server_no_context_takeover");
        }
        if self.client_no_context_takeover {
            value.push_str("; client_no_context_takeover");
        }
        if let Some(bits) = self.server_max_window_bits {
            value.push_str(&format!("; server_max_window_bits={bits}"));
        }
        if let Some(bits) = self.client_max_window_bits {
            value.push_str(&format!("; client_max_window_bits={bits}"));
        }
        value
    }
}

/// Accepts the first acceptable offer in `lines`, the values of all `Sec-WebSocket-Extensions` headers in
/// order. `None` if there is none, or compression is off.
///
/// An offer with an unknown, repeated or invalid parameter is not acceptable (§7), nor is one for a window of
/// 8 bits, which flate2 does not support.
///
/// A window that is kept for a client has at most 8 KiB. If the client does not let its window be limited,
/// each of its messages must begin with an empty one.
pub fn negotiate<'h>(lines: impl Iterator<Item = &'h [u8]>, mode: DeflateMode) -> Option<Agreement> {
    if mode == DeflateMode::Off {
        return None;
    }
    lines.flat_map(|line| split_outside_quotes(line, b',')).find_map(|offer| agree(offer, mode))
}

#[derive(Default)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// Without a value it is the greatest.
    client_max_window_bits: Option<u8>,
}

/// The agreement for one offer; `None` if it is not acceptable.
fn agree(offer: &[u8], mode: DeflateMode) -> Option<Agreement> {
    let mut parts = split_outside_quotes(offer, b';').map(<[u8]>::trim_ascii);
    if !parts.next()?.eq_ignore_ascii_case(b"permessage-deflate") {
        return None;
    }
    let mut seen = Parameters::default();
    for part in parts {
        let mut pair = part.splitn(2, |&byte| byte == b'=').map(<[u8]>::trim_ascii);
        let (name, value) = (pair.next()?, pair.next());
        let is_first = match name {
            b"server_no_context_takeover" if value.is_none() => {
                !std::mem::replace(&mut seen.server_no_context_takeover, true)
            }
            b"client_no_context_takeover" if value.is_none() => {
                !std::mem::replace(&mut seen.client_no_context_takeover, true)
            }
            b"server_max_window_bits" => seen.server_max_window_bits.replace(window_bits(value?)?).is_none(),
            b"client_max_window_bits" => {
                let bits = value.map_or(Some(CLIENT_WINDOW_BITS), window_bits)?;
                seen.client_max_window_bits.replace(bits).is_none()
            }
            _ => return None,
        };
        if !is_first {
            return None;
        }
    }
    let shared = mode == DeflateMode::Shared;
    let client_window = seen.client_max_window_bits.filter(|_| !shared && !seen.client_no_context_takeover);
    Some(Agreement {
        server_no_context_takeover: shared || seen.server_no_context_takeover,
        client_no_context_takeover: client_window.is_none(),
        server_max_window_bits: seen.server_max_window_bits,
        client_max_window_bits: client_window.map(|bits| bits.min(CLIENT_WINDOW_BITS)),
    })
}

/// Parses a number from 9 to 15, plain or quoted, without leading zeros.
fn window_bits(value: &[u8]) -> Option<u8> {
    let value = match value {
        [b'"', quoted @ .., b'"'] => quoted,
        plain => plain,
    };
    match value {
        b"9" => Some(9),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + (digit - b'0')),
        _ => None,
    }
}

/// Splits `line` at separators outside of quoted strings. An unclosed string extends to the end.
fn split_outside_quotes(line: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    line.split(move |&byte| {
        if escaped {
            escaped = false;
            return false;
        }
        match byte {
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => return byte == separator && !quoted,
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers of both modes to some lines; "" for no extension.
    fn answers(lines: &[&str]) -> (String, String) {
        let answer = |mode| {
            let lines = lines.iter().map(|line| line.as_bytes());
            negotiate(lines, mode).map_or(String::new(), |agreement| agreement.header_value())
        };
        assert_eq!(answer(DeflateMode::Off), "");
        (answer(DeflateMode::Dedicated), answer(DeflateMode::Shared))
    }

    #[test]
    fn each_acceptable_offer_is_answered() {
        let both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        // With an empty window for each message of the client, and with a window of 8 KiB.
        let (empty, kept) = ("permessage-deflate; client_no_context_takeover", "; client_max_window_bits=13");
        let cases: [(&str, &str, &str); 12] = [
            ("permessage-deflate", empty, both),
            ("PerMessage-Deflate", empty, both),
            ("permessage-deflate; client_max_window_bits", &format!("permessage-deflate{kept}"), both),
            ("permessage-deflate; client_max_window_bits=15", &format!("permessage-deflate{kept}"), both),
            (
                "permessage-deflate;client_max_window_bits = 10",
                "permessage-deflate; client_max_window_bits=10",
                both,
            ),
            (
                "permessage-deflate; server_no_context_takeover; client_max_window_bits",
                &format!("permessage-deflate; server_no_context_takeover{kept}"),
                both,
            ),
            ("permessage-deflate; client_no_context_takeover; client_max_window_bits", empty, both),
            ("permessage-deflate; server_no_context_takeover", both, both),
            ("permessage-deflate; client_no_context_takeover", empty, both),
            (
                "permessage-deflate; server_max_window_bits=\"9\"",
                "permessage-deflate; client_no_context_takeover; server_max_window_bits=9",
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                 server_max_window_bits=9",
            ),
            ("x-other; a=\"permessage-deflate, b\", permessage-deflate", empty, both),
            ("permessage-deflate; server_max_window_bits=8, permessage-deflate", empty, both),
        ];
        for (offer, dedicated, shared) in cases {
            assert_eq!(answers(&[offer]), (dedicated.into(), shared.into()), "{offer}");
            assert_eq!(answers(&["foo", offer]), (dedicated.into(), shared.into()), "{offer}");
        }
    }

    #[test]
    fn an_invalid_offer_is_not_accepted() {
        for offer in [
            "",
            ",",
            ";",
            "permessage-deflate2",
            "x-webkit-deflate-frame",
            "permessage-deflate; ",
            "permessage-deflate; constructor",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover=\"\"",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=",
            "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=99",
            "permessage-deflate; server_max_window_bits=09",
            "permessage-deflate; server_max_window_bits=\"10",
            "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
            "permessage-deflate; client_max_window_bits=8",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; a=\"unclosed, permessage-deflate",
        ] {
            assert_eq!(answers(&[offer]), (String::new(), String::new()), "{offer}");
        }
    }
}
