//! Any bytes as a packet, both ways, and any Data through the codecs.
//!
//! Input: the limit of decoded Data (2 bytes), then a message.

#![no_main]

use std::cell::RefCell;
use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use libfuzzer_sys::fuzz_target;
use sysconn::ConnectionId;
use sysconn::frame::{Decoder, Role, Rules};
use sysconn::packet::{
    Codecs, Fault, REPLY_HEADER_BYTES, REQUEST_HEADER_BYTES, Reply, Request, Undecodable, push_packet,
    push_request,
};
use sysconn_fuzz::{Seen, feed};

thread_local! {
    /// One for all inputs, as one serves all packets of a reactor: nothing may be left over.
    static CODECS: RefCell<Codecs> = RefCell::new(Codecs::new(None));
}

fuzz_target!(|input: &[u8]| {
    let Some((limit, message)) = input.split_first_chunk() else { return };
    request_both_ways(message);
    reply_both_ways(message);
    if let Ok(request) = Request::parse(message) {
        decode_data(request.data_status, request.data, usize::from(u16::from_be_bytes(*limit)));
        inflate_what_was_deflated(request.data);
    }
});

fn request_both_ways(message: &[u8]) {
    let parsed = Request::parse(message);
    let Some((header, data)) = message.split_first_chunk::<REQUEST_HEADER_BYTES>() else {
        assert_eq!(parsed, Err(Fault::Short));
        return;
    };
    let [s1, s0, data_status, f3, f2, f1, f0, c1, c0] = *header;
    let (size, flag) = (u16::from_be_bytes([s1, s0]), u32::from_be_bytes([f3, f2, f1, f0]));
    let cmd = u16::from_be_bytes([c1, c0]);
    let expected = Request { data_status, flag, cmd, data };
    if usize::from(size) != data.len() && size != u16::MAX {
        assert_eq!(parsed, Err(Fault::DataSize { cmd, flag }));
        return;
    }
    assert_eq!(parsed, Ok(expected));

    let mut out = Vec::new();
    push_request(&mut out, &expected);
    assert_eq!(Request::parse(&out), Ok(expected));
    // 65535 can stand for any length; all else has one form.
    assert!(out == message || size == u16::MAX);
}

fn reply_both_ways(message: &[u8]) {
    let parsed = Reply::parse(message);
    if message.len() < REPLY_HEADER_BYTES {
        assert_eq!(parsed, Err(Fault::Short));
        return;
    }
    let (error_id, rest) = message.split_at(2);
    let Ok(reply) = parsed else {
        assert_eq!(parsed.err(), Request::parse(rest).err());
        return;
    };
    assert_eq!(reply.error_id.0.to_be_bytes(), error_id);

    let mut wire = Vec::new();
    push_packet(&mut wire, &reply);
    let rules = Rules { role: Role::Client, max_len: message.len(), text: false, deflate: false };
    let mut seen = Vec::new();
    feed(&mut Decoder::new(), &wire, &rules, &mut seen).expect("whole frames");
    let [Seen::Binary(payload)] = seen.as_slice() else { panic!("not one message: {seen:?}") };
    assert_eq!(Reply::parse(payload), Ok(reply));
}

fn decode_data(status: u8, data: &[u8], max_len: usize) {
    let mut buffer = Vec::new();
    let reused = decode(status, data, max_len, &mut buffer);
    assert!(buffer.capacity() <= max_len + 1, "{} bytes for at most {max_len}", buffer.capacity());
    let mut buffer = Vec::new();
    let fresh = Codecs::new(None).decode(ConnectionId::from_u64(7), status, data, &mut buffer, max_len);
    assert_eq!(reused.as_deref().map_err(|error| *error), fresh, "codecs remember");
    match (status, fresh) {
        (_, decoded) if data.is_empty() => assert_eq!(decoded, Ok(data)),
        // The message was bounded before.
        (0, decoded) => assert_eq!(decoded, Ok(data)),
        (1, Ok(decoded)) => assert!(decoded.len() <= max_len),
        (1, Err(error)) => assert!(matches!(error, Undecodable::Zlib | Undecodable::TooLong)),
        (2, decoded) => assert_eq!(decoded, Err(Undecodable::Cipher)),
        (3.., decoded) => assert_eq!(decoded, Err(Undecodable::UnknownStatus)),
    }
}

/// A zlib stream is taken if it is whole, with nothing behind it, and within the limit to the byte.
fn inflate_what_was_deflated(plain: &[u8]) {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).expect("a Vec takes all");
    let mut stream = encoder.finish().expect("a Vec takes all");
    let inflate = |stream: &[u8], max_len| decode(1, stream, max_len, &mut Vec::new());

    assert_eq!(inflate(&stream, plain.len()).as_deref(), Ok(plain));
    if let Some(less) = plain.len().checked_sub(1) {
        assert_eq!(inflate(&stream, less), Err(Undecodable::TooLong));
    }
    assert_eq!(inflate(&stream[..stream.len() - 1], plain.len()), Err(Undecodable::Zlib), "cut");
    stream.push(0);
    assert_eq!(inflate(&stream, plain.len()), Err(Undecodable::Zlib), "followed by a byte");
}

/// By the codecs that have seen all inputs before.
fn decode(status: u8, data: &[u8], max_len: usize, buffer: &mut Vec<u8>) -> Result<Vec<u8>, Undecodable> {
    CODECS.with_borrow_mut(|codecs| {
        codecs.decode(ConnectionId::from_u64(7), status, data, buffer, max_len).map(<[u8]>::to_vec)
    })
}
