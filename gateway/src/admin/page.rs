//! The dashboard: the page at `/`, and its files. They hold no data, so they need no token.

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// The path, the type and the text of a file of the page.
macro_rules! file {
    ($name:literal, $content_type:expr) => {
        (concat!("/dashboard/", $name), $content_type, include_str!(concat!("../../dashboard/", $name)))
    };
}

/// The path of each file, its type, and the file.
pub(super) const FILES: &[(&str, &str, &str)] = &[
    ("/", "text/html; charset=utf-8", include_str!("../../dashboard/index.html")),
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
    file!("uplot/uPlot.min.css", STYLE),
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::path::{Path, PathBuf};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::FILES;

    /// What the page may weigh, each of its files compressed by itself.
    const MAX_BYTES: usize = 45_000;

    /// All files in a folder and in the folders in it.
    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    #[test]
    fn the_page_is_light() {
        let gzip = |text: &str| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap().len()
        };
        let bytes: usize = FILES.iter().map(|(.., text)| gzip(text)).sum();
        assert!(bytes <= MAX_BYTES, "{bytes} bytes");
    }

    #[test]
    fn every_file_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard");
        let mut found: Vec<_> = files(&folder).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
        let mut served: Vec<_> = FILES.iter().map(|(.., text)| (*text).to_owned()).collect();
        found.sort();
        served.sort();
        assert!(found == served, "{} files are served, {} are there", served.len(), found.len());
    }

    #[test]
    fn no_text_of_a_client_becomes_markup() {
        for (path, _, text) in FILES.iter().filter(|(path, ..)| !path.contains("/uplot/")) {
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
