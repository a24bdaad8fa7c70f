//! Any bytes as a trusted proxy's input before the request: the same answer however they arrive, no byte of
//! the request taken, and the same client as a second implementation of the rules and ppp find.
//!
//! Input: how the bytes arrive (1 byte, see [`arrivals`]), then the bytes.

#![no_main]

use std::cell::RefCell;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use libfuzzer_sys::fuzz_target;
use ppp::{HeaderResult, v1, v2};
use sysconn::internals::{Header, HeaderReader};
use sysconn::upgrade::Fault;
use sysconn_fuzz::{Arrival, arrivals, bounded};

const V1: &[u8] = b"PROXY ";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const MAX_V1_BYTES: usize = 107;
const MAX_V2_BYTES: usize = 1040;

/// The answer of a reader, and how many bytes it took.
type Answer = (Result<Header, Fault>, usize);

thread_local! {
    static PIECE: RefCell<Vec<u8>> = RefCell::default();
}

fuzz_target!(|data: &[u8]| {
    let &[choice, ref bytes @ ..] = data else { return };
    PIECE.with_borrow_mut(|piece| {
        bounded(|| {
            let whole = read(Arrival::WHOLE, bytes, piece);
            assert_eq!(whole, restated(bytes));
            for arrival in arrivals(choice, bytes.len()) {
                assert_eq!(read(arrival, bytes, piece), whole, "{arrival:?}");
            }
            compare_with_ppp(bytes, whole);
        });
    });
});

fn read(arrival: Arrival, bytes: &[u8], buffer: &mut Vec<u8>) -> Answer {
    let mut reader = HeaderReader::default();
    let mut taken = 0;
    for piece in arrival.pieces(bytes) {
        buffer.clear();
        buffer.extend_from_slice(piece);
        let mut input = buffer.as_mut_slice();
        let answer = reader.read(&mut input);
        taken += piece.len() - input.len();
        if answer != Ok(Header::Incomplete) {
            return (answer, taken);
        }
    }
    assert_eq!(taken, bytes.len(), "bytes are left of an incomplete header");
    (Ok(Header::Incomplete), taken)
}

/// A second implementation of the rules, for bytes that have all come.
fn restated(bytes: &[u8]) -> Answer {
    let longer = |signature: &[u8]| signature.starts_with(bytes);
    if longer(V1) || longer(V2) {
        return (Ok(Header::Incomplete), bytes.len());
    }
    let alike =
        |signature: &[u8]| signature.iter().zip(bytes).take_while(|(one, other)| one == other).count();
    if alike(V1) == V1.len() {
        return restated_v1(bytes);
    }
    if alike(V2) == V2.len() {
        return restated_v2(bytes);
    }
    // The first byte that fits neither signature is the last one that is taken.
    (Err(Fault::ProxyHeader), alike(V1).max(alike(V2)) + 1)
}

/// A line of at most 107 bytes (§2.1).
fn restated_v1(bytes: &[u8]) -> Answer {
    let within = &bytes[..bytes.len().min(MAX_V1_BYTES)];
    match within.iter().position(|&byte| byte == b'\n') {
        Some(end) => (client_v1(&bytes[..=end]).ok_or(Fault::ProxyHeader), end + 1),
        None if within.len() < MAX_V1_BYTES => (Ok(Header::Incomplete), bytes.len()),
        None => (Err(Fault::ProxyHeader), MAX_V1_BYTES),
    }
}

fn client_v1(line: &[u8]) -> Option<Header> {
    let line = line.strip_suffix(b"\r\n")?;
    if line == b"PROXY UNKNOWN" || line.starts_with(b"PROXY UNKNOWN ") {
        return Some(Header::Unnamed);
    }
    let line = str::from_utf8(line).ok()?;
    let port = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        text.parse::<u16>().ok().filter(|_| plain)
    };
    let source = match line.split(' ').skip(1).collect::<Vec<_>>()[..] {
        ["TCP4", source, destination, from, to] => {
            let (_, _) = (destination.parse::<Ipv4Addr>().ok()?, port(to)?);
            SocketAddr::from((source.parse::<Ipv4Addr>().ok()?, port(from)?))
        }
        ["TCP6", source, destination, from, to] => {
            let (_, _) = (destination.parse::<Ipv6Addr>().ok()?, port(to)?);
            SocketAddr::from((source.parse::<Ipv6Addr>().ok()?, port(from)?))
        }
        _ => return None,
    };
    Some(Header::Client(source))
}

/// 16 bytes, the last two of which are the length of the rest (§2.2).
fn restated_v2(bytes: &[u8]) -> Answer {
    let Some(&[command, family, high, low]) = bytes[V2.len()..].first_chunk() else {
        return (Ok(Header::Incomplete), bytes.len());
    };
    let fixed = V2.len() + 4;
    let end = fixed + usize::from(high) * 256 + usize::from(low);
    if end > MAX_V2_BYTES {
        return (Err(Fault::ProxyHeader), fixed);
    }
    match bytes.get(fixed..end) {
        Some(rest) => (client_v2(command, family, rest).ok_or(Fault::ProxyHeader), end),
        None => (Ok(Header::Incomplete), bytes.len()),
    }
}

fn client_v2(command: u8, family: u8, rest: &[u8]) -> Option<Header> {
    match (command, family >> 4, family & 15) {
        // LOCAL: what follows is skipped.
        (0x20, _, _) => Some(Header::Unnamed),
        (0x21, 0, 0..=2) => Some(Header::Unnamed),
        (0x21, 1, transport @ 0..=2) => {
            let (source, port) = (rest[..].first_chunk::<4>()?, rest.get(8..12)?);
            let client = SocketAddr::from((Ipv4Addr::from(*source), u16::from_be_bytes([port[0], port[1]])));
            Some(if transport == 1 { Header::Client(client) } else { Header::Unnamed })
        }
        (0x21, 2, transport @ 0..=2) => {
            let (source, port) = (rest[..].first_chunk::<16>()?, rest.get(32..36)?);
            let client = SocketAddr::from((Ipv6Addr::from(*source), u16::from_be_bytes([port[0], port[1]])));
            Some(if transport == 1 { Header::Client(client) } else { Header::Unnamed })
        }
        (0x21, 3, 0..=2) if rest.len() >= 216 => Some(Header::Unnamed),
        _ => None,
    }
}

/// Compares the answer with ppp's, which gets all bytes; the library gives it only the delimited header.
///
/// ppp accepts less: it does not ignore the rest after LOCAL and UNKNOWN, and checks the words of a line
/// before its end has come. It also accepts more: it has no limits of length, takes a CR for a space, a space
/// for the last CR, a LF as part of the rest after UNKNOWN, and a port with a sign.
fn compare_with_ppp(bytes: &[u8], (ours, taken): Answer) {
    let theirs = HeaderResult::parse(bytes);
    let is_local = bytes.strip_prefix(V2).and_then(<[u8]>::first) == Some(&0x20);
    let is_unknown = bytes.starts_with(b"PROXY UNKNOWN");
    match ours {
        Ok(Header::Incomplete) => assert!(is_err(&theirs), "{theirs:?}, and incomplete for the library"),
        Ok(Header::Unnamed) if is_local || is_unknown => {}
        Ok(header) => {
            let (len, client) = match theirs {
                HeaderResult::V1(Ok(header)) => (header.header.len(), source_v1(header.addresses)),
                HeaderResult::V2(Ok(header)) => (header.len(), source_v2(&header)),
                HeaderResult::V1(Err(error)) => panic!("{error:?}, and the library found {header:?}"),
                HeaderResult::V2(Err(error)) => panic!("{error:?}, and the library found {header:?}"),
            };
            assert_eq!((len, client.map_or(Header::Unnamed, Header::Client)), (taken, header));
        }
        Err(_) if is_unknown || taken == MAX_V1_BYTES || taken == V2.len() + 4 => {}
        Err(_) if bytes.starts_with(V1) && !is_plain(&bytes[..taken]) => {}
        Err(_) => assert!(is_err(&theirs), "{theirs:?}, and refused by the library"),
    }
}

/// Whether a line ends in CR LF, and has no other CR and no sign.
fn is_plain(line: &[u8]) -> bool {
    line.strip_suffix(b"\r\n").is_some_and(|words| !words.iter().any(|byte| b"\r+".contains(byte)))
}

fn is_err(theirs: &HeaderResult<'_>) -> bool {
    matches!(theirs, HeaderResult::V1(Err(_)) | HeaderResult::V2(Err(_)))
}

fn source_v1(addresses: v1::Addresses) -> Option<SocketAddr> {
    match addresses {
        v1::Addresses::Tcp4(ip) => Some(SocketAddr::from((ip.source_address, ip.source_port))),
        v1::Addresses::Tcp6(ip) => Some(SocketAddr::from((ip.source_address, ip.source_port))),
        v1::Addresses::Unknown => None,
    }
}

fn source_v2(header: &v2::Header<'_>) -> Option<SocketAddr> {
    match (header.protocol, header.addresses) {
        (v2::Protocol::Stream, v2::Addresses::IPv4(ip)) => {
            Some(SocketAddr::from((ip.source_address, ip.source_port)))
        }
        (v2::Protocol::Stream, v2::Addresses::IPv6(ip)) => {
            Some(SocketAddr::from((ip.source_address, ip.source_port)))
        }
        _ => None,
    }
}
