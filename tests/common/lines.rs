//! A logger that keeps the lines that the library writes in this process.

use std::sync::{Mutex, Once};

use log::{LevelFilter, Log, Metadata, Record};

use super::eventually;

pub(crate) struct Lines(Mutex<Vec<String>>);

/// The lines that all tests of the process have logged.
pub(crate) static LINES: Lines = Lines(Mutex::new(vec![]));

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

impl Lines {
    /// Installs the logger, for level info and above, unless it is installed already.
    pub(crate) fn keep(&'static self) {
        static LOGGER: Once = Once::new();
        LOGGER.call_once(|| {
            log::set_logger(self).unwrap();
            log::set_max_level(LevelFilter::Info);
        });
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    /// The number of lines that contain this text.
    pub(crate) fn with(&self, part: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|line| line.contains(part)).count()
    }

    /// Waits for a line that contains all of these texts.
    pub(crate) fn await_with(&self, parts: &[&str]) {
        eventually(&format!("a line has {parts:?}"), || {
            self.0.lock().unwrap().iter().any(|line| parts.iter().all(|part| line.contains(part)))
        });
    }
}
