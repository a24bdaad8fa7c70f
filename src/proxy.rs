//! The PROXY protocol, versions 1 and 2: a header before the request in which a proxy names its client.
//!
//! This module finds the end of the header byte by byte, so that it consumes no byte of the request and keeps
//! no more bytes than a header may have; the crate `ppp` parses it. The specification is HAProxy's,
//! `proxy-protocol.txt`, 2020/03/05.

use std::net::SocketAddr;

use crate::upgrade::Fault;

/// The first bytes of a header of version 1 (§2.1).
const V1_SIGNATURE: &[u8] = b"PROXY ";
/// The first bytes of a header of version 1 that names no client.
const V1_UNKNOWN: &[u8] = b"PROXY UNKNOWN";
/// The end of a header of version 1.
const V1_END: &[u8] = b"\r\n";
/// The first bytes of a header of version 2 (§2.2).
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The bytes after that: version and command, family and transport, and a length of two bytes.
const V2_FIXED_BYTES: usize = 4;
/// Version 2 and the command LOCAL: the connection is the proxy's own, for instance a health check.
const V2_LOCAL: u8 = 0x20;
/// The longest header of version 1 in bytes, its line end included (§2.1).
const MAX_V1_BYTES: usize = 107;
/// The longest header of version 2 that is accepted, in bytes. The protocol itself allows 64 KiB of
/// extensions.
const MAX_V2_BYTES: usize = 1040;

/// The result of reading a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// More bytes are needed.
    Incomplete,
    /// The header names no client with an IP address: the address of the connection counts.
    Unnamed,
    /// The header names the client.
    Client(SocketAddr),
}

/// Reads a header that arrives in any pieces.
#[derive(Debug, Default)]
pub struct HeaderReader {
    bytes: Vec<u8>,
}

impl HeaderReader {
    /// Consumes the header, or a part of it, from the front of `input`. Must not be called after the header's
    /// end or an error.
    ///
    /// # Errors
    /// [`Fault::ProxyHeader`] as soon as the bytes cannot be a header, or one that is too long, and for a
    /// complete header that is invalid.
    pub fn read(&mut self, input: &mut &mut [u8]) -> Result<Header, Fault> {
        while let Some(byte) = input.split_off_first_mut() {
            self.bytes.push(*byte);
            if is_whole(&self.bytes)? {
                return parse(&self.bytes);
            }
        }
        Ok(Header::Incomplete)
    }
}

/// Whether the bytes are a complete header. Without the last byte they were not.
fn is_whole(bytes: &[u8]) -> Result<bool, Fault> {
    if V1_SIGNATURE.starts_with(bytes) || V2_SIGNATURE.starts_with(bytes) {
        return Ok(false);
    }
    if bytes.starts_with(V1_SIGNATURE) {
        let whole = bytes.ends_with(b"\n");
        return if whole || bytes.len() < MAX_V1_BYTES { Ok(whole) } else { Err(Fault::ProxyHeader) };
    }
    match bytes.strip_prefix(V2_SIGNATURE).ok_or(Fault::ProxyHeader)? {
        [_, _, high, low, ..] => {
            let rest = usize::from(u16::from_be_bytes([*high, *low]));
            let len = V2_SIGNATURE.len().saturating_add(V2_FIXED_BYTES).saturating_add(rest);
            if len > MAX_V2_BYTES { Err(Fault::ProxyHeader) } else { Ok(bytes.len() >= len) }
        }
        _ => Ok(false),
    }
}

/// Parses a whole header.
#[cfg(feature = "proxy-protocol")]
fn parse(header: &[u8]) -> Result<Header, Fault> {
    let client = if header.starts_with(V1_SIGNATURE) { client_v1(header) } else { client_v2(header) };
    client.map(|client| client.map_or(Header::Unnamed, Header::Client))
}

/// The client in a header of version 1, if it names one.
#[cfg(feature = "proxy-protocol")]
fn client_v1(line: &[u8]) -> Result<Option<SocketAddr>, Fault> {
    use ppp::v1;

    if let Some(rest) = line.strip_prefix(V1_UNKNOWN) {
        // The rest of the line must be ignored (§2.1).
        let ignored = rest == V1_END || rest.starts_with(b" ") && rest.ends_with(V1_END);
        return if ignored { Ok(None) } else { Err(Fault::ProxyHeader) };
    }
    let words = line.strip_suffix(V1_END).ok_or(Fault::ProxyHeader)?;
    // The parser would accept a CR as a space, and a port with a sign.
    if words.iter().any(|byte| b"\r+".contains(byte)) {
        return Err(Fault::ProxyHeader);
    }
    match v1::Header::try_from(line).map_err(|_| Fault::ProxyHeader)?.addresses {
        v1::Addresses::Tcp4(ip) => Ok(Some(SocketAddr::from((ip.source_address, ip.source_port)))),
        v1::Addresses::Tcp6(ip) => Ok(Some(SocketAddr::from((ip.source_address, ip.source_port)))),
        v1::Addresses::Unknown => Ok(None),
    }
}

/// The client in a header of version 2, if it names one.
#[cfg(feature = "proxy-protocol")]
fn client_v2(header: &[u8]) -> Result<Option<SocketAddr>, Fault> {
    use ppp::v2;

    // The rest of a LOCAL header must be ignored, family and transport included (§2.2).
    if header.strip_prefix(V2_SIGNATURE).and_then(<[u8]>::first) == Some(&V2_LOCAL) {
        return Ok(None);
    }
    let header = v2::Header::try_from(header).map_err(|_| Fault::ProxyHeader)?;
    match (header.protocol, header.addresses) {
        (v2::Protocol::Stream, v2::Addresses::IPv4(ip)) => {
            Ok(Some(SocketAddr::from((ip.source_address, ip.source_port))))
        }
        (v2::Protocol::Stream, v2::Addresses::IPv6(ip)) => {
            Ok(Some(SocketAddr::from((ip.source_address, ip.source_port))))
        }
        // A client on the proxy's own machine, or of an unknown kind.
        _ => Ok(None),
    }
}

/// Without the feature, no header is valid. A server never gets here, since its configuration is refused.
#[cfg(not(feature = "proxy-protocol"))]
fn parse(_: &[u8]) -> Result<Header, Fault> {
    let _ = (V1_UNKNOWN, V1_END, V2_LOCAL, Header::Unnamed, Header::Client);
    Err(Fault::ProxyHeader)
}

#[cfg(feature = "proxy-protocol")]
#[cfg(test)]
mod tests {
    use super::*;

    /// A header of version 2 with these two bytes, these addresses, and this many bytes of extensions.
    fn v2(command: u8, family: u8, addresses: &[u8], extensions: usize) -> Vec<u8> {
        let len = u16::try_from(addresses.len() + extensions).unwrap();
        [V2_SIGNATURE, &[command, family], &len.to_be_bytes(), addresses, &vec![4; extensions]].concat()
    }

    /// Reads a header in pieces. Returns the result, and the rest of the last piece.
    fn read(pieces: &[&[u8]]) -> (Result<Header, Fault>, Vec<u8>) {
        let mut reader = HeaderReader::default();
        let mut answer = Ok(Header::Incomplete);
        for piece in pieces {
            assert_eq!(answer, Ok(Header::Incomplete), "it ended early");
            let mut piece = piece.to_vec();
            let mut rest = &mut piece[..];
            answer = reader.read(&mut rest);
            if answer != Ok(Header::Incomplete) {
                return (answer, rest.to_vec());
            }
        }
        (answer, vec![])
    }

    const V4: &[u8] = &[192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 0, 80];

    fn v6() -> Vec<u8> {
        let mut addresses = vec![0; 36];
        addresses[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        addresses[15] = 9;
        addresses[32..].copy_from_slice(&[0xff, 0xff, 0, 80]);
        addresses
    }

    fn valid() -> Vec<(Vec<u8>, Option<&'static str>)> {
        let all_ones = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
        let longest = format!("PROXY UNKNOWN {all_ones} {all_ones} 65535 65535\r\n");
        assert_eq!(longest.len(), MAX_V1_BYTES);
        vec![
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 12345 80\r\n".into(), Some("192.0.2.7:12345")),
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 0 0\r\n".into(), Some("192.0.2.7:0")),
            (b"PROXY TCP6 2001:db8::9 ::1 65535 80\r\n".into(), Some("[2001:db8::9]:65535")),
            (b"PROXY UNKNOWN\r\n".into(), None),
            (b"PROXY UNKNOWN anything that\tfits\r\n".into(), None),
            (b"PROXY UNKNOWN more words than an address has and +1\r\n".into(), None),
            (b"PROXY UNKNOWN \xff\r \r\n".into(), None),
            (longest.into(), None),
            (v2(0x21, 0x11, V4, 0), Some("192.0.2.7:12345")),
            (v2(0x21, 0x11, V4, 100), Some("192.0.2.7:12345")),
            (v2(0x21, 0x21, &v6(), 0), Some("[2001:db8::9]:65535")),
            (v2(0x21, 0x21, &v6(), MAX_V2_BYTES - 16 - 36), Some("[2001:db8::9]:65535")),
            (v2(0x20, 0x00, &[], 0), None),
            (v2(0x20, 0x11, V4, 7), None),
            (v2(0x20, 0xff, &[], 3), None),
            (v2(0x21, 0x00, &[], 0), None),
            (v2(0x21, 0x00, &[], 20), None),
            (v2(0x21, 0x12, V4, 0), None),
            (v2(0x21, 0x31, &[b'/'; 216], 0), None),
        ]
    }

    #[test]
    fn a_valid_header_is_read_in_any_pieces_and_no_byte_after_it() {
        for (header, client) in valid() {
            let expected = client.map_or(Header::Unnamed, |client| Header::Client(client.parse().unwrap()));
            let name = header.escape_ascii().to_string();
            for rest in [&b""[..], b"GET / HTTP/1.1\r\n", b"\n", b"PROXY UNKNOWN\r\n"] {
                let bytes = [&header[..], rest].concat();
                assert_eq!(read(&[&bytes]), (Ok(expected), rest.to_vec()), "{name}");
                for cut in 0..header.len() {
                    let (front, back) = bytes.split_at(cut);
                    assert_eq!(read(&[front, back]), (Ok(expected), rest.to_vec()), "{name} cut at {cut}");
                }
            }
            let bytewise: Vec<&[u8]> = header.chunks(1).collect();
            assert_eq!(read(&bytewise), (Ok(expected), vec![]), "{name} byte by byte");
            for end in 0..header.len() {
                assert_eq!(read(&[&header[..end]]).0, Ok(Header::Incomplete), "{name} ended at {end}");
            }
        }
    }

    #[test]
    fn an_invalid_header_is_refused_at_its_first_wrong_byte() {
        let (long_line, full_line) = (format!("PROXY UNKNOWN {}", "x".repeat(93)), "PROXY ".repeat(20));
        let cases: Vec<(Vec<u8>, usize)> = [
            // The bytes, and how many of them are read.
            (&b"GET / HTTP/1.1\r\n"[..], 1),
            (b"POST / HTTP/1.1\r\n", 2),
            (b"\r\n\r\nGET", 5),
            (b"\x16\x03\x01", 1),
            (b"proxy TCP4", 1),
            (b" PROXY TCP4", 1),
            (b"PROXY\tTCP4", 6),
            (b"PROXY \r\n", 8),
            (b"PROXY UNKNOWN\n", 14),
            (b"PROXY UNKNOWN\rx\n", 16),
            (b"PROXY UDP4 192.0.2.7 10.0.0.1 1 2\r\n", 35),
            (b"PROXY TCP4  192.0.2.7 10.0.0.1 1 2\r\n", 36),
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 1\r\n", 33),
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2 3\r\n", 37),
            (b"PROXY TCP4 192.0.2.256 10.0.0.1 1 2\r\n", 37),
            (b"PROXY TCP4 192.0.2.07 10.0.0.1 1 2\r\n", 36),
            (b"PROXY TCP4 ::1 ::1 1 2\r\n", 24),
            (b"PROXY TCP6 192.0.2.7 10.0.0.1 1 2\r\n", 35),
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 65536 2\r\n", 39),
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 01 2\r\n", 36),
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 -1 2\r\n", 36),
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 1 \xff\r\n", 35),
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 +1 2\r\n", 36),
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 1 +2\r\n", 36),
            (b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2 \n", 35),
            (b"PROXY TCP4\r192.0.2.7 10.0.0.1 1 2\r\n", 35),
            (b"PROXY UNKNOWN\rx\r\n", 17),
            (b"PROXY UNKNOWNS\r\n", 16),
            (long_line.as_bytes(), MAX_V1_BYTES),
            (full_line.as_bytes(), MAX_V1_BYTES),
        ]
        .into_iter()
        .map(|(bytes, looked_at)| (bytes.to_vec(), looked_at))
        .chain([
            (v2(0x11, 0x11, V4, 0), 28),
            (v2(0x31, 0x11, V4, 0), 28),
            (v2(0x22, 0x11, V4, 0), 28),
            (v2(0x21, 0x41, V4, 0), 28),
            (v2(0x21, 0x13, V4, 0), 28),
            (v2(0x21, 0x11, &V4[..11], 0), 27),
            (v2(0x21, 0x21, &v6()[..35], 0), 51),
            (v2(0x21, 0x31, &[b'/'; 215], 0), 231),
            // The length field alone shows that it is too long.
            (v2(0x21, 0x11, V4, MAX_V2_BYTES - 16 - 11), 16),
            (v2(0x20, 0x00, &[], 65535), 16),
        ])
        .collect();
        for (bytes, looked_at) in cases {
            let name = bytes.escape_ascii().to_string();
            let (front, rest) = bytes.split_at(looked_at);
            assert_eq!(read(&[&bytes]), (Err(Fault::ProxyHeader), rest.to_vec()), "{name:.80}");
            let bytewise: Vec<&[u8]> = front.chunks(1).collect();
            assert_eq!(read(&bytewise), (Err(Fault::ProxyHeader), vec![]), "{name:.80} byte by byte");
        }
    }
}
