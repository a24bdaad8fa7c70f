//! Look-ups in the header lines of a request.

use super::byte_classes::is_token_byte;
use super::refusal::Fault;
use httparse::Header;

/// The header lines of a request, in their order. Names are compared without regard to ASCII case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Headers<'h>(pub(super) &'h [Header<'h>]);

impl<'h> Headers<'h> {
    /// All lines: each name as it was sent, and its value without white space around it.
    pub(crate) fn iter(self) -> impl DoubleEndedIterator<Item = (&'h str, &'h [u8])> + Clone {
        self.0.iter().map(|header| (header.name, header.value))
    }

    /// The values of all lines with this name.
    pub(super) fn values(self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.iter().filter(move |(candidate, _)| candidate.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of a header that may appear once; `fault` if it appears more often.
    pub(super) fn at_most_one(self, name: &str, fault: Fault) -> Result<Option<&'h [u8]>, Fault> {
        let mut values = self.values(name);
        let first = values.next();
        if values.next().is_some() { Err(fault) } else { Ok(first) }
    }

    /// The tokens of a comma-separated list, which may be spread over several lines (RFC 9110 §5.3, §5.6.1).
    /// Other elements are left out.
    pub(super) fn tokens(self, name: &str) -> impl Iterator<Item = &'h str> {
        self.elements(name).filter_map(token)
    }

    /// Whether such a list contains the token `wanted`, without regard to ASCII case.
    pub(super) fn lists(self, name: &str, wanted: &str) -> bool {
        self.elements(name).any(|element| element.eq_ignore_ascii_case(wanted.as_bytes()))
    }

    /// The elements of such a list, without white space around them.
    fn elements(self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.values(name).flat_map(|value| value.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii)
    }
}

/// An element of a list; `None` if it is not a token.
fn token(element: &[u8]) -> Option<&str> {
    if element.is_empty() || !element.iter().copied().all(is_token_byte) {
        return None;
    }
    str::from_utf8(element).ok()
}
