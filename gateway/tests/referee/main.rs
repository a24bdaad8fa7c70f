//! `sysconn referee`: the Rust client passes, and a client that is wrong fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod driver;
mod rust;

use driver::judge;
use rust::RustClient;

#[test]
fn the_rust_client_passes_all_cases_but_those_of_reconnecting() {
    let verdicts = judge(&[], &["reconnect"], RustClient::default());
    for (name, verdict) in &verdicts.cases {
        let expected = if name.starts_with("reconnect/") { "skipped" } else { "passed" };
        assert_eq!(verdict, expected, "{name}: {}", verdicts.reasons[name]);
    }
    assert_eq!(verdicts.status, 0);
}
