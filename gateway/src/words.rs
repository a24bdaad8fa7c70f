//! Numbers with their nouns.

use std::fmt::Display;

/// `1 connection`, `2 connections`.
pub(crate) fn plural<N: Display + PartialEq + From<u8>>(count: N, one: &str, many: &str) -> String {
    let noun = if count == N::from(1) { one } else { many };
    format!("{count} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_not_many() {
        for (count, expected) in [(0, "0 pushes"), (1, "1 push"), (2, "2 pushes")] {
            assert_eq!(plural(count, "push", "pushes"), expected);
        }
    }
}
