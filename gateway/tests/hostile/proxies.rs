//! PROXY headers that are invalid, repeated, or from an untrusted address.

use std::io::Write as _;

use crate::common::{UPGRADE, join};
use crate::stage::{Case, SERVE, Setup, UNKNOWN_PROXY, play};

#[test]
fn proxies() {
    play(CASES);
}

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const V1: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n";

/// A header of version 2 with this command, family, announced length and content.
fn v2(command: u8, family: u8, len: u16, content: &[u8]) -> Vec<u8> {
    join(&[SIGNATURE, &[command, family], &len.to_be_bytes(), content])
}

pub(crate) const CASES: &[Case] = &[
    Case::new("x-42", Setup::Proxy, |stage| {
        let address = b"\xcb\0\x71\x09\x7f\0\0\x01\x12\x34\x01\xbb";
        for (name, header) in [
            ("none", vec![]),
            ("two of version 1", join(&[V1, V1])),
            ("version 1 and then 2", join(&[V1, &v2(0x21, 0x11, 12, address)])),
            ("version 2 twice", v2(0x21, 0x11, 12, address).repeat(2)),
            ("LOCAL twice", v2(0x20, 0, 0, b"").repeat(2)),
            ("too short for its family", v2(0x21, 0x11, 11, &address[..11])),
            ("nothing for its family", v2(0x21, 0x11, 0, b"")),
            ("of version 3", v2(0x31, 0x11, 12, address)),
            ("an unknown command", v2(0x22, 0x11, 12, address)),
            ("longer than is taken", v2(0x21, 0x11, 65_535, &[0; 65_535])),
            ("not an address", b"PROXY TCP4 999.0.2.7 192.0.2.1 4711 443\r\n".to_vec()),
            ("an address of the other family", b"PROXY TCP4 ::1 ::1 4711 443\r\n".to_vec()),
            ("a port beyond all", b"PROXY TCP4 192.0.2.7 192.0.2.1 65536 443\r\n".to_vec()),
            ("lower case", b"proxy TCP4 192.0.2.7 192.0.2.1 4711 443\r\n".to_vec()),
            ("without an end", join(&[b"PROXY UNKNOWN ", &[b'x'; 200]])),
            ("ended by a bare LF", b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\n".to_vec()),
        ] {
            stage.refuses(name, &join(&[&header, UPGRADE]), &[400]);
        }
    }),
    Case::new("x-43", Setup::Proxy, |stage| {
        // Byte by byte, with the request in the same segment, and cut off at each offset.
        for header in [
            V1.to_vec(),
            UNKNOWN_PROXY.to_vec(),
            v2(0x20, 0, 0, b""),
            v2(0x21, 0x11, 12, b"\xcb\0\x71\x09\x7f\0\0\x01\x12\x34\x01\xbb"),
        ] {
            let mut client = stage.raw();
            client.dribble(&header);
            client.upgrade(UPGRADE);
            client.echo(b"introduced");
            for cut in 0..header.len() {
                let mut client = stage.raw();
                let _ = client.stream.write_all(&header[..cut]);
            }
        }
        for byte in 0..=255u8 {
            // The header is refused at its first wrong byte.
            if byte != b'P' && byte != b'\r' {
                stage.refuses("one byte", &[byte], &[400]);
            }
        }
    }),
    Case::new("x-44", SERVE, |stage| {
        // From an untrusted address the header is an invalid request.
        for header in [V1.to_vec(), v2(0x20, 0, 0, b"")] {
            stage.refuses("untrusted", &join(&[&header, UPGRADE]), &[400]);
        }
    }),
];
