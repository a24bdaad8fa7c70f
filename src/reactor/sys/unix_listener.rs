//! Listens on a Unix domain socket: takes over a killed server's path, and removes it at the end.
//!
//! A lock (flock(2)) on the directory of the path separates servers that start or end at the same time. It
//! leaves no file behind, and is held only while a path is taken or removed.
//!
//! On macOS, connecting to a socket with a full queue is refused, like connecting to an abandoned socket: a
//! starting server can take over the path of another one that has [`BACKLOG`] clients waiting.

use std::fs::{self, File, Metadata, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::tcp_listener::BACKLOG;

/// The time between two attempts to lock a directory.
const LOCK_INTERVAL: Duration = Duration::from_millis(5);
/// Attempts by a starting server: 5 s.
const START_ATTEMPTS: u32 = 1000;
/// Attempts by an ending server, while its clients wait: 0.2 s.
const END_ATTEMPTS: u32 = 40;

/// The file of a socket that was bound here. Dropping it removes the file, unless another file has replaced
/// it.
///
/// Drop it before the last listener of the socket: until that is closed, no other file can get the same inode
/// number.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// The file's device and number.
    identity: (u64, u64),
}

impl SocketFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file, unless another file has replaced it.
    fn remove(&self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|metadata| identity(&metadata) == self.identity) {
            // If this fails, the next server takes over the path.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Without the lock, another server could take the path between the check and the removal. Then the
        // file stays.
        if let Ok(_lock) = lock_directory(&self.path, END_ATTEMPTS) {
            self.remove();
        }
    }
}

/// Listens at a path, as a server does at each of its [`Listen::Unix`](crate::config::Listen::Unix): for
/// programs that listen at one more. The listener does not block.
///
/// The file gets `mode`, or the mode that the umask leaves. Replaces a socket on which no server listens.
///
/// # Errors
/// [`ErrorKind::AddrInUse`] if anything else is at the path; an error of the system; or the directory stays
/// locked.
pub fn listen_unix(path: &Path, mode: Option<u32>) -> io::Result<(UnixListener, SocketFile)> {
    let lock = lock_directory(path, START_ATTEMPTS)?;
    remove_abandoned(path, lock.is_some())?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile { path: path.to_owned(), identity: identity(&fs::symlink_metadata(path)?) };
    // The mode is set before the socket listens: no client can connect earlier.
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

/// Locks the directory of a path until the lock is dropped. None if that is impossible: the directory cannot
/// be read, or its file system has no locks.
fn lock_directory(path: &Path, attempts: u32) -> io::Result<Option<File>> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let Ok(directory) = File::open(parent.unwrap_or(Path::new("."))) else { return Ok(None) };
    for _ in 0..attempts {
        match directory.try_lock() {
            Ok(()) => return Ok(Some(directory)),
            Err(TryLockError::Error(_)) => return Ok(None),
            Err(TryLockError::WouldBlock) => sleep(LOCK_INTERVAL),
        }
    }
    Err(io::Error::new(ErrorKind::WouldBlock, "another process has locked its directory"))
}

/// Removes the socket of a killed server, on which nobody listens. Fails if anything else is at the path.
fn remove_abandoned(path: &Path, is_locked: bool) -> io::Result<()> {
    let in_use = |why: &str| Err(io::Error::new(ErrorKind::AddrInUse, why));
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => {}
        Ok(_) => return in_use("something is there that is not a socket"),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Connecting must not wait if the queue is full.
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

    /// A path in a new directory.
    fn path(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("sysconn-listen-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        directory.join("socket")
    }

    /// Whether a client can connect to the path.
    fn is_served(path: &Path) -> bool {
        UnixStream::connect(path).is_ok()
    }

    #[test]
    fn a_server_starts_only_where_nothing_else_is_at_the_path() {
        type Make = fn(&Path);
        // Makes something at the path, and why a server does not replace it, if it does not.
        let cases: [(Make, Option<&str>); 8] = [
            (|_| {}, None),
            (|path| drop(UnixListener::bind(path).unwrap()), None),
            (
                |path| std::mem::forget(UnixListener::bind(path).unwrap()),
                Some("another server listens there"),
            ),
            (
                // A server listens whose queue is full.
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
            match (listen_unix(&path, None), expected) {
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
    fn a_server_removes_only_its_own_file() {
        type Change = fn(&Path) -> Option<(UnixListener, SocketFile)>;
        // Puts something else at the path while a server runs.
        let changes: [Change; 4] = [
            |path| {
                fs::remove_file(path).unwrap();
                Some(listen_unix(path, None).unwrap())
            },
            |path| {
                fs::rename(path, path.with_extension("old")).unwrap();
                Some(listen_unix(path, None).unwrap())
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
            let (listener, file) = listen_unix(&path, None).unwrap();
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
    fn only_one_of_several_servers_that_start_at_once_runs() {
        let path = path("at-once");
        for _ in 0..20 {
            drop(UnixListener::bind(&path).unwrap());
            let starts: Vec<_> = (0..8)
                .map(|_| {
                    let path = path.clone();
                    std::thread::spawn(move || listen_unix(&path, None))
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
    fn a_start_waits_for_a_locked_directory_and_an_end_does_not_wait_long() {
        let path = path("locked");
        let lock = lock_directory(&path, 1).unwrap().unwrap();
        let start = std::thread::spawn({
            let path = path.clone();
            move || listen_unix(&path, None)
        });
        drop(lock);
        let (_listener, file) = start.join().unwrap().unwrap();
        let _lock = lock_directory(&path, START_ATTEMPTS).unwrap().unwrap();
        drop(file);
        assert!(path.exists(), "another server may be taking it");
    }

    #[test]
    fn the_file_gets_the_configured_mode() {
        let path = path("mode");
        for mode in [0o600, 0o660, 0o666, 0o777, 0o200] {
            let (_listener, _file) = listen_unix(&path, Some(mode)).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
        }
    }
}
