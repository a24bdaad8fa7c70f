//! The head of the upgrade request, of which only those values are kept on which the upgrade depends.

use crate::upgrade::HeadScanner;

/// Header lines whose values are recorded, in lower case: those on which the upgrade depends, and the one that
/// tells what kind of client it is.
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
/// Bytes of a header line's name that are looked at: longer than all that are shown.
const MAX_NAME_BYTES: usize = 32;
/// What stands in the place of each byte of a value in the head: a zero is not allowed there.
const STAND_IN: u8 = b'x';

/// In the head of the upgrade request.
#[derive(Debug, Default)]
pub(super) struct Head {
    scanner: HeadScanner,
    part: Part,
    name: Vec<u8>,
}

/// How many bytes of a piece belong to the head, and how it stands with it then.
pub(super) enum HeadEnd {
    Open(usize),
    Ended(usize),
    Refused(usize),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    /// In the request line; in the target once a space has come.
    #[default]
    Line,
    Target,
    /// Within the query, in a name.
    QueryName,
    /// Within the query, in a value.
    QueryValue,
    /// Behind the target.
    Version,
    Name,
    Value {
        shown: bool,
    },
}

impl Head {
    /// Hides what is to be hidden of the bytes, which come next.
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

    /// Whether a byte, which is a legal one where it stands, is part of what is hidden.
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
