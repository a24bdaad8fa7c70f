//! Listening on a Unix domain socket: its path is taken over from a server that was killed, and is given
//! back.
//!
//! Servers that start or end at the same time agree by a lock (flock(2)) on the directory of the path: it
//! leaves nothing behind, and is held only while a path is taken or given back.

use std::fs::{self, File, Metadata, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::tcp_listener::BACKLOG;

/// Time between two tries to lock a directory.
const LOCK_INTERVAL: Duration = Duration::from_millis(5);
/// Tries of a server that starts: 5 s.
const START_TRIES: u32 = 1000;
/// Tries of one that ends, whose clients wait meanwhile: 0.2 s.
const END_TRIES: u32 = 40;

/// The file of a socket that was bound here. Dropping it removes the file, if it is still the same.
///
/// To be dropped before the last listener of the socket is closed: until then no other file has its number.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// The device and the number of the file.
    identity: (u64, u64),
}

impl SocketFile {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file, unless it is another one by now.
    fn remove(&self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|metadata| identity(&metadata) == self.identity) {
            // Where that fails the next server takes it over.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Without the lock somebody else may take the path between the look and the removal. Then it stays.
        if let Ok(_lock) = lock_directory(&self.path, END_TRIES) {
            self.remove();
        }
    }
}

/// Listens at a path, with that mode, or what the umask leaves. What is there may only be a socket that
/// nobody listens on; it is replaced.
///
/// # Errors
/// [`ErrorKind::AddrInUse`] if something else is there; what the system says; or the directory stays locked.
pub(super) fn listen(path: &Path, mode: Option<u32>) -> io::Result<(UnixListener, SocketFile)> {
    let lock = lock_directory(path, START_TRIES)?;
    remove_abandoned(path, lock.is_some())?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile { path: path.to_owned(), identity: identity(&fs::symlink_metadata(path)?) };
    // Nobody can connect before the socket listens, and then it has its mode.
    let set_mode = mode.map_or(Ok(()), |mode| fs::set_permissions(path, Permissions::from_mode(mode)));
    let listening =
        set_mode.and_then(|()| socket.listen(BACKLOG)).and_then(|()| socket.set_nonblocking(true));
    if listening.is_err() {
        file.remove();
    }
    listening.map(|()| (socket.into(), file))
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Locks the directory of a path until the lock is dropped. None if it cannot be locked at all: it cannot be
/// read, or its file system knows no locks.
fn lock_directory(path: &Path, tries: u32) -> io::Result<Option<File>> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let Ok(directory) = File::open(parent.unwrap_or(Path::new("."))) else { return Ok(None) };
    for _ in 0..tries {
        match directory.try_lock() {
            Ok(()) => return Ok(Some(directory)),
            Err(TryLockError::Error(_)) => return Ok(None),
            Err(TryLockError::WouldBlock) => sleep(LOCK_INTERVAL),
        }
    }
    Err(io::Error::new(ErrorKind::WouldBlock, "another process has locked its directory"))
}

/// Makes sure that nothing is at the path: removes a socket that nobody listens on, which a process leaves
/// that was killed.
fn remove_abandoned(path: &Path, is_locked: bool) -> io::Result<()> {
    let in_use = |why: &str| Err(io::Error::new(ErrorKind::AddrInUse, why));
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => {}
        Ok(_) => return in_use("something is there that is not a socket"),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // It must not wait where the queue is full.
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Ok(()) => in_use("another server listens there"),
        Err(error) => match error.kind() {
            ErrorKind::NotFound => Ok(()),
            ErrorKind::WouldBlock => in_use("another server listens there"),
            ErrorKind::ConnectionRefused if is_locked => fs::remove_file(path),
            ErrorKind::ConnectionRefused => {
                in_use("an abandoned socket is there, and its directory cannot be locked to take it over")
            }
            _ => in_use(&format!("a socket is there that cannot be connected to: {error}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixDatagram, UnixStream};

    use super::*;

    /// A path in an empty directory of its own.
    fn path(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("sysconn-listen-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        directory.join("socket")
    }

    /// Whether the path is a socket on which a client is accepted.
    fn is_served(path: &Path) -> bool {
        UnixStream::connect(path).is_ok()
    }

    #[test]
    fn what_is_there_decides_whether_a_server_starts() {
        type Make = fn(&Path);
        // What is there, and why it is left alone, if it is.
        let cases: [(Make, Option<&str>); 8] = [
            (|_| {}, None),
            (|path| drop(UnixListener::bind(path).unwrap()), None),
            (
                |path| std::mem::forget(UnixListener::bind(path).unwrap()),
                Some("another server listens there"),
            ),
            (
                // Somebody listens whose queue is full.
                |path| {
                    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
                    socket.bind(&SockAddr::unix(path).unwrap()).unwrap();
                    socket.listen(0).unwrap();
                    std::mem::forget((UnixStream::connect(path).unwrap(), socket));
                },
                Some("another server listens there"),
            ),
            (|path| std::mem::forget(UnixDatagram::bind(path).unwrap()), Some("cannot be connected to")),
            (|path| fs::write(path, "precious").unwrap(), Some("not a socket")),
            (|path| fs::create_dir(path).unwrap(), Some("not a socket")),
            (|path| std::os::unix::fs::symlink("/nowhere", path).unwrap(), Some("not a socket")),
        ];
        for (number, (make, expected)) in cases.into_iter().enumerate() {
            let path = path(&format!("there-{number}"));
            make(&path);
            let before = fs::symlink_metadata(&path).map(|metadata| identity(&metadata)).ok();
            match (listen(&path, None), expected) {
                (Ok((listener, file)), None) => {
                    assert!(is_served(&path), "case {number}");
                    drop(file);
                    drop(listener);
                    assert!(!path.exists(), "case {number}");
                }
                (Err(error), Some(expected)) => {
                    assert!(error.to_string().contains(expected), "case {number}: {error}");
                    assert_eq!(error.kind(), ErrorKind::AddrInUse, "case {number}");
                    let after = fs::symlink_metadata(&path).map(|metadata| identity(&metadata)).ok();
                    assert_eq!(after, before, "case {number}");
                }
                (result, _) => panic!("case {number}: {result:?}"),
            }
        }
    }

    #[test]
    fn only_the_own_file_is_removed() {
        type Change = fn(&Path) -> Option<(UnixListener, SocketFile)>;
        // What happens to the path while a server runs. Each leaves something there that is not the server's.
        let changes: [Change; 4] = [
            |path| {
                fs::remove_file(path).unwrap();
                Some(listen(path, None).unwrap())
            },
            |path| {
                fs::rename(path, path.with_extension("old")).unwrap();
                Some(listen(path, None).unwrap())
            },
            |path| {
                fs::remove_file(path).unwrap();
                fs::write(path, "precious").unwrap();
                None
            },
            |path| {
                fs::remove_file(path).unwrap();
                std::os::unix::fs::symlink("/nowhere", path).unwrap();
                None
            },
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let path = path(&format!("own-{number}"));
            let (listener, file) = listen(&path, None).unwrap();
            let newer = change(&path);
            drop(file);
            drop(listener);
            assert!(fs::symlink_metadata(&path).is_ok(), "change {number}");
            assert_eq!(is_served(&path), newer.is_some(), "change {number}");
            drop(newer.map(|(_listener, file)| file));
            assert_eq!(fs::symlink_metadata(&path).is_ok(), number > 1, "change {number}");
        }
    }

    #[test]
    fn of_those_that_start_at_once_one_runs() {
        let path = path("at-once");
        for _ in 0..20 {
            drop(UnixListener::bind(&path).unwrap());
            let starts: Vec<_> = (0..8)
                .map(|_| {
                    let path = path.clone();
                    std::thread::spawn(move || listen(&path, None))
                })
                .collect();
            let running: Vec<_> = starts.into_iter().filter_map(|start| start.join().unwrap().ok()).collect();
            assert_eq!(running.len(), 1);
            assert!(is_served(&path));
            drop(running.into_iter().map(|(_listener, file)| file).collect::<Vec<_>>());
            assert!(!path.exists());
        }
    }

    #[test]
    fn a_locked_directory_is_waited_for_and_an_end_does_not_wait_long() {
        let path = path("locked");
        let lock = lock_directory(&path, 1).unwrap().unwrap();
        let start = std::thread::spawn({
            let path = path.clone();
            move || listen(&path, None)
        });
        drop(lock);
        let (_listener, file) = start.join().unwrap().unwrap();
        let _lock = lock_directory(&path, START_TRIES).unwrap().unwrap();
        drop(file);
        assert!(path.exists(), "somebody else may be about to take it");
    }

    #[test]
    fn the_mode_is_the_one_that_was_asked_for() {
        let path = path("mode");
        for mode in [0o600, 0o660, 0o666, 0o777, 0o200] {
            let (_listener, _file) = listen(&path, Some(mode)).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
        }
    }
}
