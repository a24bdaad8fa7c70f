//! The golden vectors in clients/vectors, which clients in other languages read: this test writes them with
//! `SYSCONN_WRITE=1`, and fails otherwise if they are not what the implementation would write.

#![cfg(all(feature = "protobuf", feature = "token"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod endings;
mod messages;
mod packets;
mod tokens;

use std::{env, fs};

/// Compares a file of the project with what it should hold, or writes it.
fn check(path: &str, expected: &str) {
    let file = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    if env::var_os("SYSCONN_WRITE").is_some() {
        fs::write(&file, expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "{path} has changed: SYSCONN_WRITE=1 cargo test --all-features --test vectors"
    );
}

/// A JSON array with one of these on each line.
fn array(lines: impl IntoIterator<Item = String>) -> String {
    let lines: Vec<_> = lines.into_iter().map(|line| format!("  {line}")).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// A text as a JSON string. Only the texts of the vectors pass here: they have no quotes and no backslashes.
fn string(text: &str) -> String {
    assert!(!text.contains(['"', '\\', '\n']));
    format!("\"{text}\"")
}

/// Bytes as hexadecimal digits, in a JSON string.
fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    string(&digits)
}
