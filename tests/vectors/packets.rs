//! Packets in both directions: what to encode, what to decode, and what is no packet.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use sysconn::packet::{
    ErrorId, Fault, REPLY_HEADER_BYTES, REQUEST_HEADER_BYTES, Reply, Request, push_packet, push_request,
};

use crate::{array, check, hex, string};

const CMD: u16 = 1101;
/// The lengths around those at which DataSize changes its meaning.
const LENGTHS: [usize; 5] = [0, 1, 65_534, 65_535, 65_536];
const FLAGS: [u32; 4] = [0, 1, 1 << 31, u32::MAX];
/// Longer Data is given by its length, and has the bytes 0, 1, … 250, 0, 1, …
const LONGEST_SHOWN: usize = 64;

/// One vector. `message` is what goes into a binary message; `encodes` says whether an encoder makes it.
struct Vector {
    name: String,
    to_server: bool,
    encodes: bool,
    message: Vec<u8>,
    /// What compressed Data inflates to.
    inflated: Option<Vec<u8>>,
}

fn pattern(len: usize) -> Vec<u8> {
    (0..=250).cycle().take(len).collect()
}

fn request(flag: u32, data_status: u8, data: &[u8]) -> Vec<u8> {
    let mut message = vec![];
    push_request(&mut message, &Request { data_status, flag, cmd: CMD, data });
    message
}

fn reply(error_id: u16, flag: u32, data_status: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![];
    push_packet(&mut frame, &Reply { error_id: ErrorId(error_id), data_status, flag, cmd: CMD, data });
    let payload = REPLY_HEADER_BYTES + data.len();
    frame.split_off(frame.len() - payload)
}

/// The same packet in each direction.
fn both(name: &str, flag: u32, data_status: u8, data: &[u8]) -> [Vector; 2] {
    [(true, request(flag, data_status, data)), (false, reply(0, flag, data_status, data))].map(
        |(to_server, message)| Vector {
            name: name.to_owned(),
            to_server,
            encodes: true,
            message,
            inflated: None,
        },
    )
}

/// Vectors for decoding only, made of a good one by a change of its bytes.
fn changed(name: &str, data: &[u8], change: impl Fn(&mut Vec<u8>, usize)) -> Vec<Vector> {
    let mut vectors = Vec::from(both(name, 7, 0, data));
    for vector in &mut vectors {
        vector.encodes = false;
        // Where DataSize begins.
        change(&mut vector.message, if vector.to_server { 0 } else { 2 });
    }
    vectors
}

fn vectors() -> Vec<Vector> {
    let mut all = vec![];
    for len in LENGTHS {
        all.extend(both(&format!("DataSize for {len} bytes"), 7, 0, &pattern(len)));
    }
    for flag in FLAGS {
        all.extend(both(&format!("Flag {flag}"), flag, 0, b"hello"));
    }
    for status in [0, 1, 2, 3, 255] {
        all.extend(both(&format!("DataStatus {status} without Data"), 7, status, b""));
    }
    for status in [2, 3, 255] {
        all.extend(both(&format!("DataStatus {status} with Data"), 7, status, b"hello"));
    }
    for error_id in [1, 7, 100, u16::MAX] {
        let (name, message) = (format!("ErrorID {error_id}"), reply(error_id, 7, 0, b""));
        all.push(Vector { name, to_server: false, encodes: true, message, inflated: None });
    }
    let inflated = pattern(1000);
    let mut zlib = ZlibEncoder::new(vec![], Compression::default());
    zlib.write_all(&inflated).unwrap();
    for mut vector in both("zlib", 7, 1, &zlib.finish().unwrap()) {
        vector.inflated = Some(inflated.clone());
        all.push(vector);
    }
    for size in 0..REPLY_HEADER_BYTES {
        let cut = changed(&format!("cut after {size} bytes"), b"", |message, _| message.truncate(size));
        all.extend(cut.into_iter().filter(|cut| !cut.to_server || size < REQUEST_HEADER_BYTES));
    }
    all.extend(changed("DataSize 65535 for less", b"hello", |message, at| message[at..at + 2].fill(255)));
    all.extend(changed("DataSize 65535 without Data", b"", |message, at| message[at..at + 2].fill(255)));
    all.extend(changed("one byte too few", b"hello", |message, _| message.truncate(message.len() - 1)));
    all.extend(changed("one byte too many", b"hello", |message, _| message.push(0)));
    all.extend(changed("DataSize 0 with Data", b"hello", |message, at| message[at + 1] = 0));
    all.extend(changed("DataSize without Data", b"", |message, at| message[at + 1] = 1));
    all.extend(changed("DataSize 65534 for 65535 bytes", &pattern(65_535), |message, at| {
        message[at + 1] -= 1
    }));
    all
}

impl Vector {
    /// What the implementation finds in the message.
    fn parsed(&self) -> Result<Reply<'_>, Fault> {
        if !self.to_server {
            return Reply::parse(&self.message);
        }
        let Request { data_status, flag, cmd, data } = Request::parse(&self.message)?;
        Ok(Reply { error_id: ErrorId::NONE, data_status, flag, cmd, data })
    }

    fn json(&self) -> String {
        let (name, way) = (string(&self.name), if self.to_server { "server" } else { "client" });
        let header_bytes = if self.to_server { REQUEST_HEADER_BYTES } else { REPLY_HEADER_BYTES };
        let (header, data) = self.message.split_at(header_bytes.min(self.message.len()));
        let mut json = format!(r#"{{"name": {name}, "to": "{way}", "header": {}"#, hex(header));
        json += &format!(r#", "data": {}"#, bytes(data));
        match self.parsed() {
            Err(Fault::Short) => json += r#", "fault": "short""#,
            Err(Fault::DataSize { .. }) => json += r#", "fault": "size""#,
            Ok(Reply { error_id, data_status, flag, cmd, .. }) => {
                json += &format!(r#", "encodes": {}"#, self.encodes);
                json += &format!(r#", "error_id": {}, "status": {data_status}"#, error_id.0);
                json += &format!(r#", "flag": {flag}, "cmd": {cmd}"#);
            }
        }
        if let Some(inflated) = &self.inflated {
            json += &format!(r#", "inflated": {}"#, bytes(inflated));
        }
        json + "}"
    }
}

/// Bytes as hexadecimal digits, or the number of bytes in the pattern.
fn bytes(bytes: &[u8]) -> String {
    if bytes.len() > LONGEST_SHOWN && bytes == pattern(bytes.len()) {
        bytes.len().to_string()
    } else {
        hex(bytes)
    }
}

#[test]
fn the_vectors_have_the_packets() {
    check("clients/vectors/packets.json", &array(vectors().iter().map(Vector::json)));
}

/// Encoding and decoding are compared apart, so that no two mistakes hide each other.
#[test]
fn what_encodes_decodes_to_the_same() {
    for vector in vectors().iter().filter(|vector| vector.encodes) {
        let parsed = vector.parsed().unwrap();
        let encoded = if vector.to_server {
            request(parsed.flag, parsed.data_status, parsed.data)
        } else {
            reply(parsed.error_id.0, parsed.flag, parsed.data_status, parsed.data)
        };
        assert_eq!(encoded, vector.message, "{}", vector.name);
    }
}
