//! The directory of recordings: limits their number and writes their files.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use crate::config::MAX_DIRECTORY_BYTES;

/// The number of recordings in the directory at which no new one begins.
const MAX_FILES: usize = 1000;
/// The number of recordings that are skipped before the directory is counted again.
const LOOK_AGAIN: u64 = 100;
/// The number of names that are tried for the test file, which shows that files can be created.
const MAX_TRIALS: u32 = 16;
/// The end of the name of every recording.
pub(super) const EXTENSION: &str = "rec";

/// The file of one recording.
#[derive(Debug)]
pub(super) struct RecordingFile {
    pub(super) name: String,
    /// Whether it is closed for writing.
    pub(super) failed: AtomicBool,
    /// Its device and inode number, once it exists.
    pub(super) created: OnceLock<(u64, u64)>,
}

/// The directory of one store.
pub(super) struct Directory {
    path: PathBuf,
    files: usize,
    bytes: u64,
    /// The number of recordings that did not begin because the directory is full.
    refused: u64,
    /// Whether an error was logged, and no recording has begun since.
    failing: bool,
}

impl Directory {
    pub(super) fn new(path: PathBuf) -> Self {
        let mut directory = Directory { path, files: 0, bytes: 0, refused: 0, failing: false };
        directory.look();
        directory
    }

    /// Counts the recordings in it.
    fn look(&mut self) {
        (self.files, self.bytes) = (0, 0);
        let Ok(entries) = std::fs::read_dir(&self.path) else { return };
        let is_recording = |path: &Path| path.extension().is_some_and(|extension| extension == EXTENSION);
        for entry in entries.flatten().filter(|entry| is_recording(&entry.path())) {
            self.files += 1;
            self.bytes += entry.metadata().map_or(0, |metadata| metadata.len());
        }
    }

    /// Appends to a recording, and creates its file if necessary. False if no more is to be written to it.
    pub(super) fn append(&mut self, recording: &RecordingFile, bytes: &[u8]) -> bool {
        let opened = match recording.created.get() {
            Some(created) => self.reopen(recording, *created),
            None if !self.has_space() => return false,
            None => self.create(recording),
        };
        match opened.and_then(|mut file| file.write_all(bytes)) {
            Ok(()) => {
                self.bytes = self.bytes.saturating_add(bytes.len() as u64);
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    log::error!("recordings in {} fail: {error}", self.path.display());
                }
                false
            }
        }
    }

    /// Whether one more recording may begin.
    fn has_space(&mut self) -> bool {
        let is_full = |of: &Self| of.files >= MAX_FILES || of.bytes >= MAX_DIRECTORY_BYTES;
        if is_full(self) && self.refused.is_multiple_of(LOOK_AGAIN) {
            self.look();
        }
        if !is_full(self) {
            self.refused = 0;
            return true;
        }
        if self.refused == 0 {
            let (files, bytes) = (self.files, self.bytes);
            let path = self.path.display();
            log::warn!("{path} has {files} recordings of {bytes} bytes: no connection is recorded any more");
        }
        self.refused += 1;
        false
    }

    fn create(&mut self, recording: &RecordingFile) -> io::Result<File> {
        let file = create(&self.path.join(&recording.name))?;
        // Only this thread sets it.
        let _ = recording.created.set(identity(&file.metadata()?));
        self.files += 1;
        self.failing = false;
        Ok(file)
    }

    /// Opens the file that was created, and not another one that has its name now.
    fn reopen(&self, recording: &RecordingFile, created: (u64, u64)) -> io::Result<File> {
        let file = OpenOptions::new().append(true).open(self.path.join(&recording.name))?;
        if identity(&file.metadata()?) == created { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Lists the directory, and creates and removes a file in it, so that an unusable directory is found before a
/// client has to be recorded. A full disk is not an error here, since it may be temporary.
pub(super) fn try_out(directory: &Path) -> io::Result<()> {
    std::fs::read_dir(directory)?;
    for number in 0..MAX_TRIALS {
        let path = directory.join(format!(".trial-{}-{number}", std::process::id()));
        match create(&path) {
            // A server in another container can have the same process number.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created.and_then(|_| std::fs::remove_file(path)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Creates a file that no other user can read.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::recording::store::Store;

    /// An empty directory of its own.
    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("sysconn-store-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    fn recording(name: &str) -> RecordingFile {
        RecordingFile { name: name.into(), failed: AtomicBool::new(false), created: OnceLock::new() }
    }

    #[test]
    fn an_unusable_directory_is_found_at_once() {
        let path = directory("trial");
        // A server that was killed during the test leaves a file.
        std::fs::write(path.join(format!(".trial-{}-0", std::process::id())), b"").unwrap();
        drop(Store::open(&path).unwrap());
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1, "only what was there");
        std::fs::write(path.join("file"), b"").unwrap();
        // Nobody can create a file in /proc, whatever their rights.
        for unusable in [path.join("missing"), path.join("file"), "/proc".into()] {
            assert!(Store::open(&unusable).is_err(), "{}", unusable.display());
        }
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_recording_is_one_private_file_with_a_harmless_name() {
        let path = directory("names");
        let store = Store::open(&path).unwrap();
        for (name, expected) in [
            ("1-0.1-127.0.0.1:9", "1-0.1-127.0.0.1_9-0.rec"),
            ("../../x y$(z)\n", "_.._x_y__z__-1.rec"),
            ("-rf", "rf-2.rec"),
        ] {
            let sink = store.sink(name);
            assert!(sink.take(b"one".to_vec()) && sink.take(b"two".to_vec()));
            assert_eq!(sink.name(), expected);
        }
        drop(store);
        for entry in std::fs::read_dir(&path).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(std::fs::read(entry.path()).unwrap(), b"onetwo");
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 3);
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn nothing_is_overwritten_and_no_link_is_followed() {
        let path = directory("links");
        let target = path.join("target");
        std::fs::write(&target, b"mine").unwrap();
        std::fs::write(path.join("taken.rec"), b"mine").unwrap();
        std::os::unix::fs::symlink(&target, path.join("link.rec")).unwrap();
        let mut directory = Directory::new(path.clone());
        assert!(!directory.append(&recording("taken.rec"), b"theirs"));
        assert!(!directory.append(&recording("link.rec"), b"theirs"));
        let swapped = recording("swapped.rec");
        assert!(directory.append(&swapped, b"begun"));
        std::fs::remove_file(path.join("swapped.rec")).unwrap();
        std::os::unix::fs::symlink(&target, path.join("swapped.rec")).unwrap();
        assert!(!directory.append(&swapped, b"theirs"));
        assert_eq!(std::fs::read(&target).unwrap(), b"mine");
        assert_eq!(std::fs::read(path.join("taken.rec")).unwrap(), b"mine");
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_full_disk_ends_the_recording_and_is_logged_once() {
        let full = Path::new("/dev/full");
        let mut directory = Directory::new("/dev".into());
        for _ in 0..2 {
            let recording = recording("full");
            recording.created.set(identity(&std::fs::metadata(full).unwrap())).unwrap();
            assert!(!directory.append(&recording, b"no space"));
            assert!(directory.failing);
        }
    }

    #[test]
    fn a_full_directory_takes_no_new_recording_until_there_is_space() {
        let path = directory("bounds");
        for number in 0..MAX_FILES {
            std::fs::write(path.join(format!("{number}.rec")), b"").unwrap();
        }
        let mut directory = Directory::new(path.clone());
        assert!(!directory.append(&recording("one-more.rec"), b"x"));
        std::fs::remove_file(path.join("0.rec")).unwrap();
        let tries =
            (0..=LOOK_AGAIN).filter(|number| directory.append(&recording(&format!("x{number}.rec")), b"x"));
        assert_eq!(tries.count(), 1, "there is space for one, and the next is one too many");
        File::create(path.join("large.rec")).unwrap().set_len(MAX_DIRECTORY_BYTES).unwrap();
        std::fs::remove_file(path.join("1.rec")).unwrap();
        std::fs::remove_file(path.join("2.rec")).unwrap();
        assert!(!Directory::new(path.clone()).append(&recording("bytes.rec"), b"x"));
        std::fs::remove_dir_all(path).unwrap();
    }
}
