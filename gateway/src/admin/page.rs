//! The dashboard: the page at `/`, and its files. They hold no data, so they need no token.

use std::io::Write as _;
use std::sync::OnceLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::header::{CONTENT_ENCODING, HeaderValue, VARY};
use hyper::{HeaderMap, StatusCode};

use crate::http::{Answer, answer, takes_gzip, with};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// A file of the page.
struct File {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
    /// Its text as gzip, once a client has asked for it. None: that failed.
    compressed: OnceLock<Option<Bytes>>,
}

/// A file of the dashboard, at a path.
macro_rules! file {
    ($path:expr, $name:literal, $content_type:expr) => {
        File {
            path: $path,
            content_type: $content_type,
            text: include_str!(concat!("../../dashboard/", $name)),
            compressed: OnceLock::new(),
        }
    };
    ($name:literal, $content_type:expr) => {
        file!(concat!("/dashboard/", $name), $name, $content_type)
    };
}

static FILES: [File; 13] = [
    file!("/", "index.html", HTML),
    file!("api.js", SCRIPT),
    file!("connections.js", SCRIPT),
    file!("console.js", SCRIPT),
    file!("dom.js", SCRIPT),
    file!("graph.js", SCRIPT),
    file!("graphs.js", SCRIPT),
    file!("icon.svg", "image/svg+xml"),
    file!("main.js", SCRIPT),
    file!("recordings.js", SCRIPT),
    file!("style.css", STYLE),
    file!("uplot/LICENSE", "text/plain; charset=utf-8"),
    file!("uplot/uPlot.iife.min.js", SCRIPT),
];

/// The file at a path, compressed for a client that takes that. None: there is none.
pub(super) fn file(path: &str, headers: &HeaderMap) -> Option<Answer> {
    let file = FILES.iter().find(|file| file.path == path)?;
    let compressed = if takes_gzip(headers) { file.compressed() } else { None };
    let answer = match compressed {
        Some(bytes) => {
            let answer = answer(StatusCode::OK, file.content_type, bytes);
            with(answer, CONTENT_ENCODING, HeaderValue::from_static("gzip"))
        }
        None => answer(StatusCode::OK, file.content_type, file.text),
    };
    Some(with(answer, VARY, HeaderValue::from_static("Accept-Encoding")))
}

impl File {
    /// Its text as gzip. The first time it takes milliseconds.
    fn compressed(&self) -> Option<Bytes> {
        self.compressed.get_or_init(|| gzip(self.text).map(Bytes::from)).clone()
    }
}

fn gzip(text: &str) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes()).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    /// What the page may weigh, each of its files compressed by itself.
    const MAX_BYTES: usize = 45_000;

    /// All files in a folder and in the folders in it.
    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    #[test]
    fn the_page_is_light() {
        let bytes: usize = FILES.iter().map(|file| file.compressed().unwrap().len()).sum();
        assert!(bytes <= MAX_BYTES, "{bytes} bytes");
    }

    #[test]
    fn every_file_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard");
        let mut found: Vec<_> = files(&folder).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        let mut served: Vec<_> = FILES.iter().map(|file| file.text.to_owned()).collect();
        found.sort();
        served.sort();
        assert!(found == served, "{} files are served, {} are there", served.len(), found.len());
    }

    #[test]
    fn no_text_of_a_client_becomes_markup() {
        for File { path, text, .. } in FILES.iter().filter(|file| !file.path.contains("/uplot/")) {
            for sink in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "Function(",
                "srcdoc",
            ] {
                assert!(!text.contains(sink), "{path}: {sink}");
            }
            let inline = ["<style", " style=", " onclick=", " onload=", "<script>", "javascript:"];
            for sink in inline.iter().filter(|_| *path == "/") {
                assert!(!text.contains(sink), "{path}: {sink}");
            }
        }
    }
}
