//! Clients that connect, send a packet or a few, one after the other, and stay.

use std::io::{Read, Write};

use super::stream::Stream;
use super::verify::read_reply;
use super::{Target, connect};
use crate::Result;
use crate::wire::{Exchange, error_and_cmd, masked_frame, request_packet};

/// The number of clients with a packet in flight.
const AT_ONCE: usize = 100;

/// Commands of the gateway.
const LOGIN: u16 = 1002;
const JOIN: u16 = 1201;

/// Role of the first client; that of each other is one higher. All take as many bytes in protobuf.
const FIRST_ROLE: u32 = 1_000_000;

/// The room that they join.
pub const ROOM: &str = "everybody";

/// Connects `count` clients that get one echo each.
pub fn that_echo(target: &Target, exchange: &Exchange, count: usize) -> Result<Vec<Stream>> {
    let mut streams = Vec::with_capacity(count);
    while streams.len() < count {
        let mut some = connect(target, AT_ONCE.min(count - streams.len()))?;
        some.iter_mut().try_for_each(|stream| stream.write_all(exchange.request()))?;
        some.iter_mut().try_for_each(|stream| read_reply(stream, &exchange.reply))?;
        streams.extend(some);
    }
    Ok(streams)
}

/// Connects `count` clients that log in, each as a role of its own with an account of 16 characters.
pub fn that_log_in(target: &Target, count: usize) -> Result<Vec<Stream>> {
    let mut streams = connect(target, count)?;
    ask_all(&mut streams, LOGIN, |index| {
        let role = FIRST_ROLE + index as u32;
        let account = format!("account-{role:08}");
        [string(1, &account), vec![4 << 3], varint(role)].concat()
    })?;
    Ok(streams)
}

/// Lets clients that have logged in join one room.
pub fn join(streams: &mut [Stream]) -> Result<()> {
    ask_all(streams, JOIN, |_| string(1, ROOM))
}

/// Role of the client at that place.
pub fn role(index: usize) -> Vec<u8> {
    varint(FIRST_ROLE + index as u32)
}

/// Sends a packet for each, and checks that it is not refused.
fn ask_all(streams: &mut [Stream], cmd: u16, data: impl Fn(usize) -> Vec<u8>) -> Result<()> {
    let mut index = 0;
    for some in streams.chunks_mut(AT_ONCE) {
        for stream in &mut *some {
            stream.write_all(&masked_frame(&request_packet(cmd, &data(index))))?;
            index += 1;
        }
        for stream in some {
            let mut header = [0; 2];
            stream.read_exact(&mut header)?;
            let mut reply = vec![0; usize::from(header[1])];
            stream.read_exact(&mut reply)?;
            match error_and_cmd(&reply) {
                Some((0, replied)) if replied == cmd => {}
                other => return Err(format!("command {cmd} was answered by {other:?}").into()),
            }
        }
    }
    Ok(())
}

/// A string field of protobuf, below 128 bytes.
pub fn string(field: u8, text: &str) -> Vec<u8> {
    [&[field << 3 | 2, text.len() as u8], text.as_bytes()].concat()
}

fn varint(mut number: u32) -> Vec<u8> {
    let mut bytes = vec![];
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
