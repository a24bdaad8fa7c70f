//! `permessage-deflate` (RFC 7692) on a connection of the client under test.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use sysconn::config::MAX_LEN;

/// The bytes that are left out at the end of each message (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
const NAME: &str = "permessage-deflate";
/// What a case may send compressed on one connection, in bytes: no offer has a smaller window.
const MAX_SENT: usize = 256;

/// Both directions of a connection.
#[derive(Debug)]
pub(super) struct Deflate {
    compress: Compress,
    inflate: Decompress,
    /// Whether each message to the client begins with an empty window.
    is_reset: bool,
}

impl Deflate {
    /// Accepts the first offer of the extension in a `Sec-WebSocket-Extensions` line, and returns the answer
    /// too; `None` if there is none.
    pub(super) fn accept(offers: &str) -> Option<(String, Self)> {
        let mut offers = offers.split(',').map(|offer| offer.split(';').map(str::trim));
        let parameters = offers.find_map(|mut offer| (offer.next() == Some(NAME)).then_some(offer))?;
        let (mut answer, mut is_reset) = (NAME.to_owned(), false);
        // The others are no conditions for the server.
        for parameter in parameters {
            is_reset |= parameter == "server_no_context_takeover";
            if parameter.starts_with("server_") {
                answer += &format!("; {parameter}");
            }
        }
        let compress = Compress::new(Compression::default(), false);
        Some((answer, Deflate { compress, inflate: Decompress::new(false), is_reset }))
    }

    /// A message as it is sent. All of a connection together have at most [`MAX_SENT`] bytes.
    pub(super) fn compress(&mut self, message: &[u8]) -> Vec<u8> {
        if self.is_reset {
            self.compress.reset();
        }
        // Enough for what does not become shorter.
        let mut compressed = Vec::with_capacity(message.len().saturating_add(MAX_SENT));
        let done = self.compress.compress_vec(message, &mut compressed, FlushCompress::Sync);
        debug_assert!(done.is_ok() && compressed.ends_with(&TAIL));
        compressed.truncate(compressed.len().saturating_sub(TAIL.len()));
        compressed
    }

    /// The message of the client that was sent as this.
    pub(super) fn inflate(&mut self, payload: &[u8]) -> Result<Vec<u8>, String> {
        let input = [payload, &TAIL].concat();
        let (mut message, mut rest) = (Vec::with_capacity(MAX_LEN), input.as_slice());
        while !rest.is_empty() {
            let before = self.inflate.total_in();
            let done = self.inflate.decompress_vec(rest, &mut message, FlushDecompress::Sync);
            let used = usize::try_from(self.inflate.total_in().saturating_sub(before)).unwrap_or(0);
            if done.is_err() || used == 0 {
                return Err("a compressed message of the client does not inflate".to_owned());
            }
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_gets_an_answer_that_it_allows() {
        for (offers, expected) in [
            ("", None),
            ("x-webkit-deflate-frame", None),
            ("permessage-deflate; client_max_window_bits", Some("permessage-deflate")),
            ("other; a=1, permessage-deflate", Some("permessage-deflate")),
            (
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
                Some("permessage-deflate; server_no_context_takeover; server_max_window_bits=9"),
            ),
        ] {
            assert_eq!(Deflate::accept(offers).map(|(answer, _)| answer).as_deref(), expected, "{offers}");
        }
    }

    #[test]
    fn what_one_side_compresses_the_other_inflates() {
        for (offer, is_shorter) in [("", true), ("; server_no_context_takeover", false)] {
            let both = || Deflate::accept(&format!("permessage-deflate{offer}")).map(|(_, deflate)| deflate);
            let (Some(mut here), Some(mut there)) = (both(), both()) else { panic!("{offer}") };
            let sent = [(); 2].map(|()| here.compress(b"one message of some words"));
            assert_eq!(sent[1].len() < sent[0].len(), is_shorter, "{offer}");
            for payload in sent {
                assert_eq!(there.inflate(&payload).as_deref(), Ok(&b"one message of some words"[..]));
            }
        }
        let (_, mut deflate) = Deflate::accept("permessage-deflate").unwrap_or_else(|| panic!("an offer"));
        assert!(deflate.inflate(b"\xff\xff").is_err());
    }
}
