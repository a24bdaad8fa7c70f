//! Where recordings are kept: a directory, and the thread that writes to it, so that no reactor waits for a disk.
//!
//! Nothing is overwritten, no link is followed, and nothing is deleted: when the directory has all that it may
//! have, nothing new is begun. No descriptor stays open between two writes.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::config::MAX_DIRECTORY_BYTES;

/// Recordings that the directory may have before nothing new is begun.
const MAX_FILES: usize = 1000;
/// Chunks, and their bytes, that may wait for the disk. A recording that would need more ends.
const MAX_WAITING: usize = 4096;
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;
/// How long the end of the server waits for the last chunks to be written.
const PATIENCE: Duration = Duration::from_secs(5);
/// Recordings that are not begun until it is looked again whether there is room.
const LOOK_AGAIN: u64 = 100;
/// Names that are tried for a file that shows that files can be created.
const MAX_TRIALS: u32 = 16;
/// The end of the name of every recording.
const EXTENSION: &str = "rec";

/// The store of one server. A clone is the same store.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    writer: Arc<Writer>,
}

/// The way to the thread. Without it the thread ends.
struct Writer {
    line: Line,
    /// Places that were given.
    places: AtomicUsize,
    done: std::sync::Mutex<Receiver<()>>,
}

/// What leads to the thread.
#[derive(Clone)]
struct Line {
    jobs: SyncSender<Job>,
    waiting_bytes: Arc<AtomicUsize>,
    /// The log knows that the disk is too slow.
    complained: Arc<AtomicBool>,
    /// The log knows that a recording has reached its limit.
    told_full: Arc<AtomicBool>,
}

enum Job {
    Append(Arc<Place>, Vec<u8>),
    Finish,
}

/// One file.
#[derive(Debug)]
struct Place {
    name: String,
    /// Nothing more is written to it.
    failed: AtomicBool,
    /// The device and the number of the file, once it was created.
    created: OnceLock<(u64, u64)>,
}

/// Where one recording goes.
pub(crate) struct Sink {
    line: Line,
    place: Arc<Place>,
}

impl Store {
    /// A store in that directory.
    ///
    /// # Errors
    /// It is no directory, or one in which no files can be listed and created, or the system gives no thread.
    pub(crate) fn open(directory: &Path) -> io::Result<Store> {
        if !std::fs::metadata(directory)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        try_out(directory)?;
        let (jobs, inbox) = sync_channel(MAX_WAITING);
        let (finished, done) = channel();
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let line = Line {
            jobs,
            waiting_bytes: waiting_bytes.clone(),
            complained: Arc::default(),
            told_full: Arc::default(),
        };
        let directory = Directory::new(directory.to_owned());
        std::thread::Builder::new().name("recordings".into()).spawn(move || {
            write_all(&inbox, &waiting_bytes, directory);
            // Whoever waited for this may have given up.
            let _ = finished.send(());
        })?;
        let writer = Writer { line, places: AtomicUsize::new(0), done: std::sync::Mutex::new(done) };
        Ok(Store { writer: Arc::new(writer) })
    }

    /// A place for one more recording. Its file has that name, letters aside that a shell or a file system
    /// could take for something else, and a number, since a connection can be recorded again within a
    /// millisecond. It is created when there is something to write.
    pub(crate) fn sink(&self, name: &str) -> Sink {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || ".-".contains(letter);
        let name: String = name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
        let number = self.writer.places.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}.{EXTENSION}", name.trim_start_matches(['.', '-']));
        let place = Place { name, failed: AtomicBool::new(false), created: OnceLock::new() };
        Sink { line: self.writer.line.clone(), place: Arc::new(place) }
    }
}

impl Sink {
    /// Has the bytes written behind the others. False: nothing is written to this file any more.
    pub(crate) fn take(&self, bytes: Vec<u8>) -> bool {
        if self.place.failed.load(Ordering::Relaxed) {
            return false;
        }
        let Line { jobs, waiting_bytes, complained, .. } = &self.line;
        let len = bytes.len();
        let waiting = waiting_bytes.fetch_add(len, Ordering::Relaxed);
        let has_room = waiting.saturating_add(len) <= MAX_WAITING_BYTES;
        let sent = if has_room { jobs.try_send(Job::Append(self.place.clone(), bytes)) } else { Ok(()) };
        if has_room && sent.is_ok() {
            return true;
        }
        waiting_bytes.fetch_sub(len, Ordering::Relaxed);
        let is_full = !has_room || matches!(sent, Err(TrySendError::Full(_)));
        if is_full && !complained.swap(true, Ordering::Relaxed) {
            log::error!("the disk does not keep up with what is recorded: recordings end early");
        }
        false
    }
}

impl Sink {
    /// The recording has reached its limit. The log is told of the first.
    pub(crate) fn tell_full(&self) {
        if !self.line.told_full.swap(true, Ordering::Relaxed) {
            let name = &self.place.name;
            log::warn!(
                "{name} is full (record-limit), as others may be from now on: what comes is not recorded"
            );
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // With no room for this the thread finds that nobody is left once it has written all there is.
        let _ = self.line.jobs.try_send(Job::Finish);
        if let Ok(done) = self.done.lock() {
            let _ = done.recv_timeout(PATIENCE);
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// Lists the directory, and creates a file in it that is removed again: what is wrong with it is found before a client is
/// to be recorded. Whether the disk is full is not looked at, which may pass.
fn try_out(directory: &Path) -> io::Result<()> {
    std::fs::read_dir(directory)?;
    for number in 0..MAX_TRIALS {
        let path = directory.join(format!(".trial-{}-{number}", std::process::id()));
        match create(&path) {
            // Another server in a container with numbers of its own may be at it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created.and_then(|_| std::fs::remove_file(path)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Creates a file that nobody else can read.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Writes what comes until there is nobody left, or the store is closed.
fn write_all(inbox: &Receiver<Job>, waiting_bytes: &AtomicUsize, mut directory: Directory) {
    while let Ok(Job::Append(place, bytes)) = inbox.recv() {
        waiting_bytes.fetch_sub(bytes.len(), Ordering::Relaxed);
        if !place.failed.load(Ordering::Relaxed) && !directory.append(&place, &bytes) {
            place.failed.store(true, Ordering::Relaxed);
        }
    }
}

/// The directory, as the thread knows it.
struct Directory {
    path: PathBuf,
    files: usize,
    bytes: u64,
    /// Recordings that were not begun because it is full.
    refused: u64,
    /// The log knows of an error, and nothing was begun since.
    failing: bool,
}

impl Directory {
    fn new(path: PathBuf) -> Self {
        let mut directory = Directory { path, files: 0, bytes: 0, refused: 0, failing: false };
        directory.look();
        directory
    }

    /// Counts what is there.
    fn look(&mut self) {
        (self.files, self.bytes) = (0, 0);
        let Ok(entries) = std::fs::read_dir(&self.path) else { return };
        let is_recording = |path: &Path| path.extension().is_some_and(|extension| extension == EXTENSION);
        for entry in entries.flatten().filter(|entry| is_recording(&entry.path())) {
            self.files += 1;
            self.bytes += entry.metadata().map_or(0, |metadata| metadata.len());
        }
    }

    /// Appends to a file, which is created first if it is not there. False if that is over.
    fn append(&mut self, place: &Place, bytes: &[u8]) -> bool {
        let file = match place.created.get() {
            Some(created) => self.reopen(place, *created),
            None if !self.has_room() => return false,
            None => self.create(place),
        };
        match file.and_then(|mut file| file.write_all(bytes)) {
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

    /// Whether one more may be begun.
    fn has_room(&mut self) -> bool {
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

    fn create(&mut self, place: &Place) -> io::Result<File> {
        let file = create(&self.path.join(&place.name))?;
        // Nobody else sets it: only this thread creates files.
        let _ = place.created.set(identity(&file.metadata()?));
        self.files += 1;
        self.failing = false;
        Ok(file)
    }

    /// The file that was created, and not another that has its name now.
    fn reopen(&self, place: &Place, created: (u64, u64)) -> io::Result<File> {
        let file = OpenOptions::new().append(true).open(self.path.join(&place.name))?;
        if identity(&file.metadata()?) == created { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// An empty directory of its own.
    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("sysconn-store-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    fn place(name: &str) -> Place {
        Place { name: name.into(), failed: AtomicBool::new(false), created: OnceLock::new() }
    }

    #[test]
    fn what_is_wrong_with_a_directory_is_found_at_once() {
        let path = directory("trial");
        // A server that was killed in its trial leaves a file.
        std::fs::write(path.join(format!(".trial-{}-0", std::process::id())), b"").unwrap();
        drop(Store::open(&path).unwrap());
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1, "only what was there");
        std::fs::write(path.join("file"), b"").unwrap();
        // In /proc nobody creates a file, whatever rights they have.
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
            assert_eq!(sink.place.name, expected);
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
        assert!(!directory.append(&place("taken.rec"), b"theirs"));
        assert!(!directory.append(&place("link.rec"), b"theirs"));
        let swapped = place("swapped.rec");
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
            let place = place("full");
            place.created.set(identity(&std::fs::metadata(full).unwrap())).unwrap();
            assert!(!directory.append(&place, b"no room"));
            assert!(directory.failing);
        }
    }

    #[test]
    fn a_full_directory_takes_nothing_new_until_there_is_room() {
        let path = directory("bounds");
        for number in 0..MAX_FILES {
            std::fs::write(path.join(format!("{number}.rec")), b"").unwrap();
        }
        let mut directory = Directory::new(path.clone());
        assert!(!directory.append(&place("one-more.rec"), b"x"));
        std::fs::remove_file(path.join("0.rec")).unwrap();
        let tries =
            (0..=LOOK_AGAIN).filter(|number| directory.append(&place(&format!("x{number}.rec")), b"x"));
        assert_eq!(tries.count(), 1, "one has room, and the next is one too many");
        File::create(path.join("large.rec")).unwrap().set_len(MAX_DIRECTORY_BYTES).unwrap();
        std::fs::remove_file(path.join("1.rec")).unwrap();
        std::fs::remove_file(path.join("2.rec")).unwrap();
        assert!(!Directory::new(path.clone()).append(&place("bytes.rec"), b"x"));
        std::fs::remove_dir_all(path).unwrap();
    }
}
