//! Clients that send their requests together, and then wait for all replies: the same turns in each run.

use std::io::Write;

use super::verify::read_reply;
use super::{Target, connect};
use crate::Result;
use crate::wire::Exchange;

/// `clients` send `depth` requests each, `rounds` times.
pub fn lockstep(
    target: &Target,
    exchange: &Exchange,
    clients: usize,
    depth: usize,
    rounds: usize,
) -> Result<()> {
    let mut streams = connect(target, clients)?;
    let requests = exchange.request().repeat(depth);
    for _ in 0..rounds {
        streams.iter_mut().try_for_each(|stream| stream.write_all(&requests))?;
        for stream in &mut streams {
            (0..depth).try_for_each(|_| read_reply(stream, &exchange.reply))?;
        }
    }
    Ok(())
}
