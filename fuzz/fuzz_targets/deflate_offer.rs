//! Any bytes as a client's offer of extensions: no invalid offer is accepted, and the answer is one that the
//! offer allows. The offer is also read by a second parser of the RFCs' grammar, which shares nothing with
//! the library's.
//!
//! Input: the mode of compression (1 byte, modulo 3), then the values of `Sec-WebSocket-Extensions` lines,
//! separated by LF.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sysconn::config::DeflateMode;
use sysconn::internals::{Agreement, negotiate};
use sysconn_fuzz::bounded;

fuzz_target!(|data: &[u8]| {
    let &[mode, ref lines @ ..] = data else { return };
    let mode = [DeflateMode::Dedicated, DeflateMode::Shared, DeflateMode::Off][usize::from(mode % 3)];
    let lines = || lines.split(|&byte| byte == b'\n');
    bounded(|| {
        let agreed = negotiate(lines(), mode);
        let expected = if mode == DeflateMode::Off { None } else { lines().find_map(first_valid) };
        match (agreed, expected) {
            (None, None) => {}
            (Some(agreed), Some(offer)) => check_answer(agreed, &offer, mode),
            (Some(agreed), None) => panic!("{agreed:?} without a valid offer"),
            (None, Some(offer)) => panic!("{offer:?} is not accepted"),
        }
    });
});

/// A valid offer of permessage-deflate (RFC 7692 §7.1).
#[derive(Debug, Default, PartialEq, Eq)]
struct Offer {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    client_max_window_bits: Option<Option<u8>>,
}

/// Checks the answer to an offer (RFC 7692 §7.1).
fn check_answer(agreed: Agreement, offer: &Offer, mode: DeflateMode) {
    let shared = mode == DeflateMode::Shared;
    let takeover = (agreed.server_no_context_takeover, agreed.client_no_context_takeover);
    let offered = (offer.server_no_context_takeover, offer.client_no_context_takeover);
    // A window that is kept for the client must be a small one.
    let kept = offer.client_max_window_bits.filter(|_| !shared && !offered.1);
    assert_eq!(takeover, (shared || offered.0, kept.is_none()));
    let kept = kept.map(|bits| bits.unwrap_or(15).min(13));
    assert_eq!(agreed.client_max_window_bits, kept);
    assert_eq!(agreed.server_max_window_bits, offer.server_max_window_bits);
    // The header value must be valid like an offer, and mean the same.
    let value = agreed.header_value();
    let Some(answer) = first_valid(value.as_bytes()) else { panic!("{value}") };
    let said = Offer {
        server_no_context_takeover: takeover.0,
        client_no_context_takeover: takeover.1,
        server_max_window_bits: agreed.server_max_window_bits,
        client_max_window_bits: kept.map(Some),
    };
    assert_eq!(answer, said, "{value}");
}

/// The first valid offer of permessage-deflate on a line.
fn first_valid(line: &[u8]) -> Option<Offer> {
    let mut rest = line;
    loop {
        let (element, behind) = split_off(rest, b',');
        if let Some(offer) = offer(element) {
            return Some(offer);
        }
        rest = behind?;
    }
}

/// Splits at the first separator outside quotes.
fn split_off(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    let (mut index, mut quoted) = (0, false);
    while let Some(&byte) = text.get(index) {
        match byte {
            b'\\' if quoted => index += 1,
            b'"' => quoted = !quoted,
            _ if byte == separator && !quoted => return (&text[..index], Some(&text[index + 1..])),
            _ => {}
        }
        index += 1;
    }
    (text, None)
}

/// Reads one element as `permessage-deflate *( ";" parameter )`.
fn offer(element: &[u8]) -> Option<Offer> {
    let (name, mut rest) = split_off(element, b';');
    if !name.trim_ascii().eq_ignore_ascii_case(b"permessage-deflate") {
        return None;
    }
    let mut offer = Offer::default();
    while let Some(parameters) = rest {
        let (parameter, behind) = split_off(parameters, b';');
        rest = behind;
        let text = str::from_utf8(parameter).ok()?.trim_ascii();
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name.trim_ascii(), Some(value.trim_ascii())),
            None => (text, None),
        };
        let repeated = match (name, value) {
            ("server_no_context_takeover", None) => {
                std::mem::replace(&mut offer.server_no_context_takeover, true)
            }
            ("client_no_context_takeover", None) => {
                std::mem::replace(&mut offer.client_no_context_takeover, true)
            }
            ("server_max_window_bits", Some(bits)) => {
                offer.server_max_window_bits.replace(window_bits(bits)?).is_some()
            }
            ("client_max_window_bits", bits) => {
                let bits = bits.map(|bits| window_bits(bits).ok_or(())).transpose().ok()?;
                offer.client_max_window_bits.replace(bits).is_some()
            }
            _ => return None,
        };
        if repeated {
            return None;
        }
    }
    Some(offer)
}

/// A number without leading zeros (RFC 7692 §7.1.2.1), or the same as a quoted string (RFC 6455 §9.1). The
/// library accepts neither 8 nor escapes within quotes.
fn window_bits(value: &str) -> Option<u8> {
    let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let digits = unquoted.unwrap_or(value);
    (9..=15).find(|bits: &u8| bits.to_string() == digits)
}
