//! `sysconn replay`: replays a recording, or lists its contents.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use sysconn::replay::Recording;

use crate::options::{self, Replay};
use crate::signals;

/// The longest file that is read, in bytes: a wrong path such as a device must not fill the memory.
const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;

/// Replays or lists a recording on standard output. False if the replay differs from the recording.
///
/// # Errors
/// One line that says why the file cannot be read as a recording, or signals cannot be unblocked.
pub(crate) fn replay(task: &Replay) -> Result<bool, String> {
    signals::unblock()?;
    let name = options::shown(&task.file);
    let bytes = read(&task.file).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    let unreadable = |error| format!("{name}: {error}");
    let recording = Recording::read(&bytes).map_err(unreadable)?;
    if task.show {
        // The reader may have seen enough, and be gone.
        let _ = recording.show(&mut Lines(io::BufWriter::new(io::stdout().lock())));
        return Ok(true);
    }
    let replay = recording.replay().map_err(unreadable)?;
    let _ = writeln!(io::stdout(), "{replay}");
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
struct Lines<W>(W);

impl<W: io::Write> fmt::Write for Lines<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_all(text.as_bytes()).map_err(|_| fmt::Error)
    }
}
