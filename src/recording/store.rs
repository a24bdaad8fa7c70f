//! Writes recordings to a directory on a thread of its own, so that no reactor waits for a disk.
//!
//! Nothing is overwritten or deleted, and no link is followed: once the directory is full, no new recording
//! begins. No descriptor stays open between two writes.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::directory::{Directory, EXTENSION, RecordingFile, try_out};

/// The most chunks, and bytes in them, that may wait for the disk. A recording that would exceed this ends.
const MAX_WAITING: usize = 4096;
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;
/// How long an ending server waits for the last chunks to be written.
const PATIENCE: Duration = Duration::from_secs(5);

/// The store of one server. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    writer: Arc<Writer>,
}

/// The thread's side of the store. The thread ends when this is dropped.
struct Writer {
    queue: Queue,
    /// The number of recordings so far.
    files_given: AtomicUsize,
    /// Recordings that are under way.
    under_way: Arc<AtomicUsize>,
    done: std::sync::Mutex<Receiver<()>>,
}

/// The queue to the thread.
#[derive(Clone)]
struct Queue {
    commands: SyncSender<Command>,
    waiting_bytes: Arc<AtomicUsize>,
    /// Whether it was logged that the disk is too slow.
    told_slow: Arc<AtomicBool>,
    /// Whether it was logged that a recording has reached its limit.
    told_full: Arc<AtomicBool>,
}

enum Command {
    Append(Arc<RecordingFile>, Vec<u8>),
    Finish,
}

/// The sending end of the queue for one recording.
pub(crate) struct Sink {
    queue: Queue,
    file: Arc<RecordingFile>,
    under_way: Arc<AtomicUsize>,
}

impl Store {
    /// A store in that directory.
    ///
    /// # Errors
    /// It is not a directory, files cannot be listed or created in it, or the system cannot start a thread.
    pub(crate) fn open(directory: &Path) -> io::Result<Store> {
        if !std::fs::metadata(directory)?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        try_out(directory)?;
        let (commands, inbox) = sync_channel(MAX_WAITING);
        let (finished, done) = channel();
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let queue = Queue {
            commands,
            waiting_bytes: waiting_bytes.clone(),
            told_slow: Arc::default(),
            told_full: Arc::default(),
        };
        let directory = Directory::new(directory.to_owned());
        std::thread::Builder::new().name("recordings".into()).spawn(move || {
            write_all(&inbox, &waiting_bytes, directory);
            // The server may have stopped waiting.
            let _ = finished.send(());
        })?;
        let (files_given, under_way) = (AtomicUsize::new(0), Arc::default());
        let writer = Writer { queue, files_given, under_way, done: std::sync::Mutex::new(done) };
        Ok(Store { writer: Arc::new(writer) })
    }

    /// A sink for a new recording. Its file gets this name, without characters that are special to a shell or
    /// a file system, and a number, since a connection can be recorded again within a millisecond. The first
    /// write creates the file.
    pub(crate) fn sink(&self, name: &str) -> Sink {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || ".-".contains(letter);
        let name: String = name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
        let number = self.writer.files_given.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}.{EXTENSION}", name.trim_start_matches(['.', '-']));
        let file = RecordingFile { name, failed: AtomicBool::new(false), created: OnceLock::new() };
        let under_way = self.writer.under_way.clone();
        under_way.fetch_add(1, Ordering::Relaxed);
        Sink { queue: self.writer.queue.clone(), file: Arc::new(file), under_way }
    }

    /// The number of recordings that are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.writer.under_way.load(Ordering::Relaxed)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Sink {
    /// Queues bytes to be written. False if no more is written to this file.
    pub(crate) fn take(&self, bytes: Vec<u8>) -> bool {
        if self.file.failed.load(Ordering::Relaxed) {
            return false;
        }
        let Queue { commands, waiting_bytes, told_slow, .. } = &self.queue;
        let len = bytes.len();
        let waiting = waiting_bytes.fetch_add(len, Ordering::Relaxed);
        let has_space = waiting.saturating_add(len) <= MAX_WAITING_BYTES;
        let sent =
            if has_space { commands.try_send(Command::Append(self.file.clone(), bytes)) } else { Ok(()) };
        if has_space && sent.is_ok() {
            return true;
        }
        waiting_bytes.fetch_sub(len, Ordering::Relaxed);
        let is_full = !has_space || matches!(sent, Err(TrySendError::Full(_)));
        if is_full && !told_slow.swap(true, Ordering::Relaxed) {
            log::error!("the disk does not keep up with what is recorded: recordings end early");
        }
        false
    }

    /// The name of the file.
    #[cfg(test)]
    pub(super) fn name(&self) -> &str {
        &self.file.name
    }

    /// Ends a recording that has reached its limit. Only the first one is logged.
    pub(crate) fn tell_full(&self) {
        if !self.queue.told_full.swap(true, Ordering::Relaxed) {
            let name = &self.file.name;
            log::warn!(
                "{name} is full (record-limit), as others may be from now on: what comes is not recorded"
            );
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // If the queue is full, the thread finds it closed once it has written everything.
        let _ = self.queue.commands.try_send(Command::Finish);
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

/// Writes queued bytes until the store is closed.
fn write_all(inbox: &Receiver<Command>, waiting_bytes: &AtomicUsize, mut directory: Directory) {
    while let Ok(Command::Append(file, bytes)) = inbox.recv() {
        waiting_bytes.fetch_sub(bytes.len(), Ordering::Relaxed);
        if !file.failed.load(Ordering::Relaxed) && !directory.append(&file, &bytes) {
            file.failed.store(true, Ordering::Relaxed);
        }
    }
}
