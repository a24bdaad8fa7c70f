//! Any bytes as the X-Forwarded-For and Forwarded lines of a trusted HTTP proxy: never a panic, no client's
//! address from a peer that is not trusted, and no influence of entries that a client has put in front.
//!
//! Input: for each line a byte (even: X-Forwarded-For, odd: Forwarded), and what is in it up to a line feed.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sysconn::Peer;
use sysconn::config::TrustedProxy;
use sysconn::internals::forwarded_client as client;
use sysconn_fuzz::bounded;

static TRUSTED: LazyLock<Vec<TrustedProxy>> =
    LazyLock::new(|| ["10.0.0.0/8", "fd00::/8", "unix"].map(|text| text.parse().unwrap()).into());

fn peer(ip: &str) -> Peer {
    Peer::Ip(ip.parse().unwrap(), 1)
}

fn is_trusted(peer: Peer) -> bool {
    TRUSTED.iter().any(|proxy| proxy.covers(peer))
}

fuzz_target!(|data: &[u8]| {
    let lines: Vec<(&str, &[u8])> = data
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split_first())
        .map(|(which, value)| (if which % 2 == 0 { "X-Forwarded-For" } else { "Forwarded" }, value))
        .collect();
    bounded(|| {
        let proxy = peer("10.0.0.1");
        assert_eq!(client(lines.iter().copied(), peer("192.0.2.1"), &TRUSTED), Ok(None));
        assert_eq!(client(lines.iter().copied(), proxy, &[]), Ok(None));
        let found = client(lines.iter().copied(), proxy, &TRUSTED);
        let Ok(Some(found)) = found else { return };
        assert_ne!(found, proxy);
        if is_trusted(found) {
            return;
        }
        // A client that is not trusted may have sent anything in front: lines of its own, or entries of the
        // first lines.
        for name in ["X-Forwarded-For", "Forwarded"] {
            if !lines.iter().any(|(other, value)| *other == name && has_entry(value)) {
                continue;
            }
            let more = [(name, &b"\"nonsense"[..])];
            let longer = more.iter().chain(&lines).copied();
            assert_eq!(client(longer, proxy, &TRUSTED), Ok(Some(found)));
        }
    });
});

/// Whether there is more in a list than commas and white space.
fn has_entry(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|entry| !entry.trim_ascii().is_empty())
}
