//! Standard output of all commands: what cannot be written is an error, unless the reader is gone.

use std::io::{self, ErrorKind, Write};

/// Prints this text.
///
/// # Errors
/// One line, if it cannot be written for another reason than that nobody reads it.
pub(crate) fn print(text: &str) -> Result<(), String> {
    print_with(|out| out.write_all(text.as_bytes()))
}

/// Prints what this writes: its first error ends it.
///
/// # Errors
/// As [`print`].
pub(crate) fn print_with(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    judge(write(&mut out).and_then(|()| out.flush()))
}

/// What the end of writing means. The reader of a pipe may have seen enough, and be gone.
///
/// # Errors
/// As [`print`].
pub(crate) fn judge(written: io::Result<()>) -> Result<(), String> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!("standard output: {error}")),
        Ok(()) | Err(_) => Ok(()),
    }
}
