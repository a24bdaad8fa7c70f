//! `GET /api/recordings` and `/api/recordings/ID`: the files of recordings, and the lines of one.

use std::fmt::{self, Write};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::{Mode, OFlags};
use serde_json::{Value, json};
use sysconn::replay::Recording;

use super::error::Refusal;
use super::helpers::{Helpers, Lane};
use super::query::Query;

/// The most files that are listed. A server makes no more (docs/recording.md).
const MAX_FILES: usize = 1000;
/// The most entries of the directory that are looked at.
const MAX_ENTRIES: usize = 10_000;
/// The longest recording that is shown. `sysconn replay` shows longer ones.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Lines in a page by default, and at most.
const PAGE: usize = 1000;
const MAX_PAGE: usize = 5000;
/// The end of a file's name, after its id.
const SUFFIX: &str = ".rec";

/// Lists the files, the newest first.
pub(super) async fn list(helpers: &Helpers, directory: Option<PathBuf>) -> Result<Value, Refusal> {
    let Some(directory) = directory else { return Ok(json!({ "is_on": false, "recordings": [] })) };
    let files = helpers.block(Lane::Lists, move || files(&directory)).await?;
    Ok(json!({ "is_on": true, "recordings": files }))
}

fn files(directory: &Path) -> Result<Vec<Value>, Refusal> {
    let failed = |error| Refusal::Unavailable(format!("the directory of --record cannot be read: {error}"));
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)?.take(MAX_ENTRIES).flatten() {
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)) else { continue };
        let Ok(metadata) = entry.metadata().as_ref().map(Clone::clone) else { continue };
        if !is_id(id) || !metadata.is_file() {
            continue;
        }
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        files.push((modified.unwrap_or_default().as_millis(), id.to_owned(), metadata.len()));
    }
    files.sort_unstable_by(|one, other| other.cmp(one));
    files.truncate(MAX_FILES);
    let shown = files.into_iter().map(|(modified_ms, id, bytes)| {
        json!({ "id": id, "bytes": bytes, "modified_ms": modified_ms.to_string() })
    });
    Ok(shown.collect())
}

/// Shows a page of the lines of a recording.
pub(super) async fn show(
    helpers: &Helpers,
    directory: Option<PathBuf>,
    id: &str,
    query: &str,
) -> Result<String, Refusal> {
    let query = Query::parse(query, &["offset", "limit"], "").map_err(Refusal::Bad)?;
    let offset = query.number("offset", 0, (0, u32::MAX as usize)).map_err(Refusal::Bad)?;
    let limit = query.number("limit", PAGE, (1, MAX_PAGE)).map_err(Refusal::Bad)?;
    let unknown = || Refusal::NotFound("there is no recording of this id");
    let directory = directory.filter(|_| is_id(id)).ok_or_else(unknown)?;
    let (path, id) = (directory.join(format!("{id}{SUFFIX}")), id.to_owned());
    let work = move || {
        let file = open(&path).ok_or_else(unknown)?;
        let mut bytes = Vec::new();
        let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| Refusal::Unavailable(format!("the recording cannot be read: {error}")))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(Refusal::Unavailable("a recording above 16 MiB is for sysconn replay".to_owned()));
        }
        let recording = Recording::read(&bytes);
        let recording = recording.map_err(|error| Refusal::Unavailable(format!("no recording: {error}")))?;
        let mut page = Page { offset, limit, ..Page::default() };
        // Only `page` could fail.
        let _ = recording.show(&mut page);
        let Page { head, total, lines, .. } = page;
        let page = json!({ "id": id, "head": head, "total": total, "offset": offset, "lines": lines });
        Ok(page.to_string())
    };
    helpers.block(Lane::Lists, work).await
}

/// A file that is no link. Only what was opened is looked at: another may take its name at any time.
fn open(path: &Path) -> Option<fs::File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = fs::File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    file.metadata().is_ok_and(|metadata| metadata.is_file()).then_some(file)
}

/// Whether this can be the name of a recording: it cannot lead out of the directory.
fn is_id(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=200).contains(&id.len()) && !id.starts_with('.') && id.bytes().all(is_plain)
}

/// Takes the text of a recording, and keeps a page of its lines.
#[derive(Default)]
struct Page {
    offset: usize,
    limit: usize,
    /// The lines before the first note.
    head: Vec<String>,
    /// The notes so far.
    total: usize,
    lines: Vec<Value>,
    /// A line that is not complete.
    begun: String,
}

impl Page {
    /// A line such as `     123        45 ms    a packet`: the offset in the file, the time since the accept,
    /// and the note, indented if it is a result of the one before.
    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.begun);
        let Some((place, at_ms, text)) = note(&line) else {
            if self.total == 0 {
                self.head.push(line);
                return;
            }
            return self
                .add(json!({ "offset": null, "at_ms": null, "is_result": false, "text": line.trim() }));
        };
        let is_result = text.starts_with("  ");
        self.add(json!({ "offset": place, "at_ms": at_ms, "is_result": is_result, "text": text.trim() }));
    }

    fn add(&mut self, line: Value) {
        if self.total >= self.offset && self.lines.len() < self.limit {
            self.lines.push(line);
        }
        self.total += 1;
    }
}

/// The parts of a line that is a note.
fn note(line: &str) -> Option<(u64, u64, &str)> {
    let (place, rest) = line.trim_start().split_once(' ')?;
    let (at_ms, text) = rest.trim_start().split_once(" ms  ")?;
    Some((place.parse().ok()?, at_ms.parse().ok()?, text))
}

impl Write for Page {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut parts = text.split('\n');
        self.begun += parts.next().unwrap_or_default();
        for part in parts {
            self.end_line();
            self.begun += part;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_nowhere_else() {
        for (id, expected) in [
            ("1795416334699-0.6-127.0.0.1_39692-5", true),
            ("", false),
            (".", false),
            ("..", false),
            ("../etc/passwd", false),
            ("a/b", false),
            ("a%2fb", false),
            ("a\0", false),
            (&"a".repeat(201), false),
        ] {
            assert_eq!(is_id(id), expected, "{id}");
        }
    }

    #[test]
    fn a_page_has_its_lines() {
        let mut page = Page { offset: 1, limit: 1, ..Page::default() };
        page.write_str("connection 6\nfrom its first byte\n      12").unwrap();
        page.write_str("         0 ms  first\n      15         7 ms    second\n      99  cut off\n").unwrap();
        assert_eq!((page.head.len(), page.total), (2, 3));
        assert_eq!(page.lines, [json!({ "offset": 15, "at_ms": 7, "is_result": true, "text": "second" })]);
    }
}
