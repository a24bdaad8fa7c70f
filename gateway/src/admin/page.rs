//! The page at `/`, and its files. They hold no data, so they need no token.

/// The path of each file, its type, and the file.
pub(super) const FILES: &[(&str, &str, &str)] =
    &[("/", "text/html; charset=utf-8", include_str!("index.html"))];
