//! Packets, both ways.

use sysconn::packet::{ErrorId, Reply, Request, push_packet, push_request};

const CMD: u16 = 1101;
const FLAG: u32 = 42;

pub(crate) fn request(data: &[u8]) -> Request<'_> {
    Request { data_status: 0, flag: FLAG, cmd: CMD, data }
}

/// The message that holds that request.
pub(crate) fn message(data: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    push_request(&mut message, &request(data));
    message
}

pub(crate) fn reply(data: &[u8]) -> Reply<'_> {
    Reply { error_id: ErrorId::NONE, data_status: 0, flag: FLAG, cmd: CMD, data }
}

/// Writes a reply to the front of `out`, and gives its length.
pub(crate) fn emit(out: &mut Vec<u8>, reply: &Reply<'_>) -> usize {
    out.clear();
    push_packet(out, reply);
    out.len()
}
