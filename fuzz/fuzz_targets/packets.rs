//! Any bytes as a packet, in both directions, and its Data through the codecs. Compressed Data has its own
//! target, `inflate`.
//!
//! Input: a message.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use sysconn::ConnectionId;
use sysconn::frame::{Decoder, Event, MessageKind, Role, Rules};
use sysconn::packet::{
    Codecs, Fault, REPLY_HEADER_BYTES, REQUEST_HEADER_BYTES, Reply, Request, Undecodable, push_packet,
    push_request,
};
use sysconn_fuzz::bounded;

/// Shared by all inputs, as by all packets of a reactor: no input may affect the next.
#[derive(Default)]
struct Buffers {
    codecs: Codecs,
    decoded: Vec<u8>,
    out: Vec<u8>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

fuzz_target!(|message: &[u8]| {
    BUFFERS.with_borrow_mut(|Buffers { codecs, decoded, out }| {
        bounded(|| {
            request_both_ways(message, out);
            reply_both_ways(message, out);
            if let Ok(request) = Request::parse(message) {
                decode_data(request.data_status, request.data, codecs, decoded);
            }
        });
    });
});

fn request_both_ways(message: &[u8], out: &mut Vec<u8>) {
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

    out.clear();
    push_request(out, &expected);
    assert_eq!(Request::parse(out), Ok(expected));
    // A size of 65535 can stand for any length. Otherwise a packet has one form.
    assert!(out.as_slice() == message || size == u16::MAX);
}

fn reply_both_ways(message: &[u8], out: &mut Vec<u8>) {
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

    out.clear();
    push_packet(out, &reply);
    let rules = Rules { role: Role::Client, max_len: message.len(), text: false, deflate: false };
    let (mut decoder, mut input) = (Decoder::new(), out.as_mut_slice());
    let event = decoder.next(&mut input, &rules);
    let Ok(Some(Event::Message { kind: MessageKind::Binary, compressed: false, payload })) = event else {
        panic!("not one message: {event:?}")
    };
    assert_eq!(Reply::parse(payload), Ok(reply));
    assert!(input.is_empty(), "bytes behind the message");
}

fn decode_data(status: u8, data: &[u8], codecs: &mut Codecs, buffer: &mut Vec<u8>) {
    let decoded = codecs.decode(ConnectionId::from_u64(7), status, data, buffer, data.len());
    match status {
        _ if data.is_empty() => assert_eq!(decoded, Ok(data)),
        // The message was bounded before.
        0 => assert_eq!(decoded, Ok(data)),
        1 => {}
        2 => assert_eq!(decoded, Err(Undecodable::Cipher)),
        3.. => assert_eq!(decoded, Err(Undecodable::UnknownStatus)),
    }
}
