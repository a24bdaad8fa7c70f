//! The options for servers with lists of origins or subprotocols.

use clap::{Arg, ArgMatches};
use sysconn::client::Offer;

/// The options.
pub(super) fn arguments() -> [Arg; 2] {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help).value_parser(header)
    };
    [
        option("origin", "ORIGIN", "Say that this is the origin, to a server with a list of them"),
        option("subprotocol", "NAME", "Offer this subprotocol, to a server that requires one"),
    ]
}

pub(super) fn read(matches: &ArgMatches) -> Offer {
    let text = |name| matches.get_one::<String>(name).cloned();
    Offer { origin: text("origin"), subprotocol: text("subprotocol") }
}

/// A value of a header that needs no quotes.
fn header(text: &str) -> Result<String, &'static str> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain { Ok(text.to_owned()) } else { Err("expected ASCII characters without spaces") }
}
