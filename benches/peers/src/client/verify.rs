//! One exchange, whose reply is compared byte by byte.

use std::io::{Read, Write};

use super::stream::Stream;
use super::{Target, connect};
use crate::Result;
use crate::compressed::is_first_state;
use crate::wire::{Exchange, Reply};

/// Requests up to this length are sent before their replies are read: any server can hold them.
const SHORT_BYTES: usize = 64 * 1024;

/// Two clients send a request each.
pub fn verify(target: &Target, exchange: &Exchange) -> Result<()> {
    for stream in &mut connect(target, 2)? {
        if exchange.request().len() <= SHORT_BYTES {
            stream.write_all(exchange.request())?;
            read_reply(stream, &exchange.reply)?;
            continue;
        }
        let mut sender = stream.clone_tcp()?;
        std::thread::scope(|scope| {
            let sent = scope.spawn(move || sender.write_all(exchange.request()));
            read_reply(stream, &exchange.reply)?;
            sent.join().map_err(|_| "the sender panicked")??;
            Ok::<_, Box<dyn std::error::Error>>(())
        })?;
    }
    Ok(())
}

/// Reads the reply to the first request, and compares it.
pub fn read_reply(stream: &mut Stream, expected: &Reply) -> Result<()> {
    match *expected {
        Reply::Bytes(ref expected) => {
            let mut reply = vec![0; expected.len()];
            stream.read_exact(&mut reply)?;
            if reply != *expected {
                let begin = &reply[..reply.len().min(64)];
                return Err(format!("a reply is wrong; it begins {begin:02x?}").into());
            }
        }
        Reply::State { size, is_compressed } => {
            let mut header = [0; 2];
            stream.read_exact(&mut header)?;
            let mut len = usize::from(header[1]);
            if len == 126 {
                let mut long = [0; 2];
                stream.read_exact(&mut long)?;
                len = u16::from_be_bytes(long).into();
            }
            let mut payload = vec![0; len];
            stream.read_exact(&mut payload)?;
            if !is_first_state(size, &payload, header[0] & 0x40 != 0) {
                return Err("a state is wrong".into());
            }
            if is_compressed && header[0] & 0x40 == 0 {
                return Err("a reply is not compressed".into());
            }
        }
    }
    Ok(())
}
