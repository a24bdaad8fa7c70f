//! Masks the head of the upgrade request: all values except those that the upgrade depends on.

use crate::upgrade::HeadScanner;

/// Header lines whose values are recorded, in lower case: the lines that the upgrade depends on, and the one
/// that names the client's software.
const SHOWN: [&[u8]; 12] = [
    b"host",
    b"upgrade",
    b"connection",
    b"origin",
    b"content-length",
    b"transfer-encoding",
    b"user-agent",
    b"sec-websocket-key",
    b"sec-websocket-version",
    b"sec-websocket-protocol",
    b"sec-websocket-extensions",
    b"expect",
];
/// Bytes of a header's name that are compared, more than any of these names has.
const MAX_NAME_BYTES: usize = 32;
/// The byte that replaces each byte of a value: a zero is not allowed in a head.
const STAND_IN: u8 = b'x';

/// The state within the head of the upgrade request.
#[derive(Debug, Default)]
pub(super) struct Head {
    scanner: HeadScanner,
    part: Part,
    name: Vec<u8>,
}

/// Splits a piece into the bytes of the head and the rest.
pub(super) enum HeadEnd {
    Open(usize),
    Ended(usize),
    Refused(usize),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    /// In the request line; after the first space, in the target.
    #[default]
    Line,
    Target,
    /// In a name within the query.
    QueryName,
    /// In a value within the query.
    QueryValue,
    /// After the target.
    Version,
    Name,
    Value {
        shown: bool,
    },
}

impl Head {
    /// Masks the next bytes.
    pub(super) fn mask(&mut self, bytes: &mut [u8]) -> HeadEnd {
        for (at, byte) in bytes.iter_mut().enumerate() {
            match self.scanner.scan(std::slice::from_ref(byte)) {
                Ok(None) => {}
                Ok(Some(_)) => return HeadEnd::Ended(at + 1),
                Err(_) => return HeadEnd::Refused(at + 1),
            }
            if self.hides(*byte) {
                *byte = STAND_IN;
            }
        }
        HeadEnd::Open(bytes.len())
    }

    /// Whether a byte that is legal in its position has to be masked.
    fn hides(&mut self, byte: u8) -> bool {
        self.part = match (self.part, byte) {
            (_, b'\n') => {
                self.name.clear();
                Part::Name
            }
            (Part::Line, b' ') => Part::Target,
            (Part::Target | Part::QueryName | Part::QueryValue, b' ') => Part::Version,
            (Part::Target, b'?') | (Part::QueryValue, b'&') => Part::QueryName,
            (Part::QueryName, b'=') => {
                self.part = Part::QueryValue;
                return false;
            }
            (Part::Name, b':') => {
                self.part = Part::Value { shown: SHOWN.contains(&&*self.name) };
                return false;
            }
            (Part::Name, _) => {
                if self.name.len() < MAX_NAME_BYTES {
                    self.name.push(byte.to_ascii_lowercase());
                }
                Part::Name
            }
            (part, _) => part,
        };
        let is_space = matches!(byte, b' ' | b'\t' | b'\r');
        !is_space && matches!(self.part, Part::QueryValue | Part::Value { shown: false })
    }
}
