//! `sysconn replay`: replays a recording, or lists its contents.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sysconn::replay::Recording;

use crate::options::{self, Replay};
use crate::output::{print, print_with};
use crate::signals;

/// The longest file that is read, in bytes: a wrong path such as a device must not fill the memory.
const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;

/// Replays or lists a recording on standard output. False if the replay differs from the recording.
///
/// # Errors
/// One line that says why the file cannot be read as a recording, signals cannot be unblocked, or standard
/// output cannot be written.
pub(crate) fn replay(task: &Replay) -> Result<bool, String> {
    signals::unblock()?;
    let name = options::shown(&task.file);
    let bytes = read(&task.file).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    let unreadable = |error| format!("{name}: {error}");
    let recording = Recording::read(&bytes).map_err(unreadable)?;
    if task.show {
        return print_with(|out| Lines::write(out, |lines| recording.show(lines))).map(|()| true);
    }
    let replay = recording.replay().map_err(unreadable)?;
    print(&format!("{replay}\n"))?;
    Ok(replay.difference.is_none())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "longer than 1 GiB"));
    }
    Ok(bytes)
}

/// Lets text be written to a writer of bytes.
struct Lines<'a> {
    out: &'a mut dyn io::Write,
    /// Why no more is written: the error of text does not say.
    error: io::Result<()>,
}

impl Lines<'_> {
    /// What this writes as text goes to `out`.
    fn write(out: &mut dyn io::Write, write: impl FnOnce(&mut Lines<'_>) -> fmt::Result) -> io::Result<()> {
        let mut lines = Lines { out, error: Ok(()) };
        let written = write(&mut lines);
        lines.error.and_then(|()| written.map_err(io::Error::other))
    }
}

impl fmt::Write for Lines<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.write_all(text.as_bytes()).map_err(|error| {
            self.error = Err(error);
            fmt::Error
        })
    }
}
