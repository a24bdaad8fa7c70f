//! The destination of log lines. A reader that is too slow loses lines, and never stops the program.

use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

use crate::options::LogFormat;
use crate::tally::Tally;

/// Bytes that a pipe takes at once if it takes any (`PIPE_BUF` of pipe(7)).
const PIPE_BYTES: usize = 4096;

/// Makes a blocking writer non-blocking. A line that cannot be written now (the pipe is not read, the disk is
/// full, the reader is gone) is dropped and counted, and the next line that can be written reports the count.
///
/// A line of any length is written whole or not at all: the rest of a line goes before all others.
#[derive(Debug)]
pub(crate) struct LogSink<W> {
    writer: W,
    format: LogFormat,
    left_out: u64,
    /// The unwritten rest of a line.
    rest: Vec<u8>,
}

impl<W: Write + AsFd> LogSink<W> {
    pub(crate) fn new(writer: W, format: LogFormat) -> Self {
        LogSink { writer, format, left_out: 0, rest: Vec::new() }
    }

    /// Writes the beginning of a line. False if that would block or fails.
    fn begin(&mut self, line: &[u8]) -> bool {
        self.rest.extend_from_slice(line);
        self.go_on();
        let has_begun = self.rest.len() < line.len();
        if !has_begun {
            self.rest.clear();
        }
        has_begun
    }

    /// Writes as much of the rest as is possible now.
    fn go_on(&mut self) {
        while !self.rest.is_empty() && self.takes_some() {
            let part = self.rest.get(..PIPE_BYTES).unwrap_or(&self.rest);
            match self.writer.write(part) {
                Ok(written) if written > 0 => drop(self.rest.drain(..written)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    fn takes_some(&self) -> bool {
        let mut descriptors = [PollFd::new(&self.writer, PollFlags::OUT)];
        let at_once = Timespec::default();
        retry_on_intr(|| poll(&mut descriptors, Some(&at_once))).is_ok_and(|ready| ready > 0)
    }
}

/// Each call is one line, and succeeds.
impl<W: Write + AsFd> Write for LogSink<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.go_on();
        if self.left_out > 0 && self.rest.is_empty() {
            let notice = self.format.notice(self.left_out);
            if self.begin(notice.as_bytes()) {
                self.left_out = 0;
            }
        }
        if self.left_out > 0 || !self.rest.is_empty() || !self.begin(line) {
            self.left_out += 1;
            Tally::LinesUnwritten.count();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Read;

    use super::*;

    #[test]
    fn a_reader_that_stalls_costs_lines_and_each_is_counted() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut sink = LogSink::new(writer, LogFormat::Text);
        // More than any pipe holds by default. A blocking write never finishes this loop.
        let line = |number: usize| format!("{number:0>99}\n");
        let mut read = vec![0; 1 << 20];
        for number in 0..10_000 {
            sink.write_all(line(number).as_bytes()).unwrap();
        }
        let len = reader.read(&mut read).unwrap();
        let kept = len / 100;
        assert!(kept > 100, "{kept}");
        let expected: String = (0..kept).map(line).collect();
        assert_eq!(read[..len], *expected.as_bytes());

        sink.write_all(b"read again\n").unwrap();
        let len = reader.read(&mut read).unwrap();
        let expected =
            format!("{} log lines could not be written before this one\nread again\n", 10_000 - kept);
        assert_eq!(read[..len], *expected.as_bytes());

        // A line that is longer than the pipe holds is begun, and goes on before all others once the pipe has
        // space.
        let long = format!("{}\n", "long".repeat(50_000));
        for line in [&long[..], "left out\n"] {
            sink.write_all(line.as_bytes()).unwrap();
        }
        let mut all = vec![];
        while !all.ends_with(b"next\n") {
            let len = reader.read(&mut read).unwrap();
            all.extend_from_slice(&read[..len]);
            if !all.ends_with(b"next\n") {
                sink.write_all(b"next\n").unwrap();
            }
        }
        let all = String::from_utf8(all).unwrap();
        assert!(all.starts_with(&long), "{} bytes", all.len());
        let rest = &all[long.len()..];
        assert!(rest.ends_with(" log lines could not be written before this one\nnext\n"), "{rest}");
        assert_eq!(rest.lines().count(), 2, "{rest}");

        let long = line(1).repeat(1000);
        sink.write_all(long.as_bytes()).unwrap();
        drop(sink);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert!(long.starts_with(&rest) && rest.len() >= PIPE_BYTES, "{} bytes", rest.len());
    }

    #[test]
    fn a_full_disk_and_a_reader_that_has_gone_fail_nothing() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut sink = LogSink::new(full, LogFormat::Text);
        sink.write_all(b"for nobody\n").unwrap();
        sink.write_all(b"for nobody\n").unwrap();
        assert_eq!(sink.left_out, 2);

        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut sink = LogSink::new(writer, LogFormat::Text);
        sink.write_all(b"for nobody\n").unwrap();
        assert_eq!(sink.left_out, 1);
    }
}
