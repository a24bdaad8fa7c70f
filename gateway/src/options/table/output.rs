//! Options: what is sent to clients.

use super::super::entry::{Entry, InEcho, entry};
use super::super::value_type::ValueType::*;

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        "outbox-limit",
        SizeLimit(|o| &mut o.config.output.outbox_limit),
        "1MiB",
        "Bytes that may wait for a slow client, more by default where --max-len asks for it; 0: no limit",
    ),
    entry(
        "overflow",
        Overflow(|o| &mut o.config.output.overflow),
        "close",
        "What happens when a packet does not fit the outbox: close the connection, or drop the packet",
    ),
    entry(
        "compress-above",
        SizeLimit(|o| &mut o.config.output.compress_above),
        "0",
        "Compress the Data of replies above this size; 0: never",
    ),
    entry(
        "deflate",
        Deflate(|o| &mut o.config.output.deflate),
        "off",
        "Compress messages (permessage-deflate): each by itself, or with windows for each connection",
    ),
    entry(
        "deflate-above",
        Size(|o| &mut o.config.output.deflate_above),
        "128",
        "Send messages of fewer bytes as they are",
    )
    .in_echo(InEcho::Default("0")),
    entry(
        "deflate-level",
        DeflateLevel(|o| &mut o.config.output.deflate_level),
        "1",
        "How much to compress messages: 1 takes the least time and memory, 6 the fewest bytes",
    ),
];
