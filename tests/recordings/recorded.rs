//! Servers that record, and replays of their recordings.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use sysconn::replay::{End, Recording, Replay};
use sysconn::{Config, Handle, config};

use crate::common::{self, Client, Event, Server, join, with};

/// A directory of its own, which is removed with all that is in it.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("recordings-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    pub(crate) fn config(&self) -> Config {
        with(common::config(), |config| config.recording = Some(config::Recording::new(&self.0)))
    }

    /// All recordings, oldest first.
    pub(crate) fn files(&self) -> Vec<Vec<u8>> {
        let mut paths: Vec<_> = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    }

    /// The only recording.
    pub(crate) fn file(&self) -> Vec<u8> {
        let files = self.files();
        assert_eq!(files.len(), 1, "recordings");
        files.into_iter().next().unwrap()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn replay(file: &[u8]) -> Replay {
    Recording::read(file).unwrap().replay().unwrap()
}

pub(crate) fn shown(file: &[u8]) -> String {
    let mut text = String::new();
    Recording::read(file).unwrap().show(&mut text).unwrap();
    text
}

/// It is replayed to its end without a difference.
pub(crate) fn check(file: &[u8], case: &str) -> Replay {
    let replay = replay(file);
    assert_eq!(replay.difference, None, "{case}: {replay}\n{}", shown(file));
    assert_eq!(replay.end, End::Closed, "{case}\n{}", shown(file));
    replay
}

/// Records one session with a server of packets.
pub(crate) fn record(change: impl FnOnce(&mut Config), session: impl FnOnce(&Server)) -> Vec<u8> {
    let directory = Directory::new();
    let mut config = directory.config();
    change(&mut config);
    let server = Server::packets(&config);
    session(&server);
    drop(server);
    directory.file()
}

/// [`record`], with a server without a table.
pub(crate) fn record_any(session: impl FnOnce(&Server)) -> Vec<u8> {
    let directory = Directory::new();
    let server = Server::any(&directory.config());
    session(&server);
    drop(server);
    directory.file()
}

/// A handle to the client's connection.
pub(crate) fn handle_of(server: &Server, client: &mut Client) -> Handle {
    client.send_packet(1117, 0, b"");
    loop {
        if let Event::Handle(handle) = server.event() {
            return handle;
        }
    }
}

/// Sends the bytes of a session in these pieces, ends it, and reads until the server has ended it too.
pub(crate) fn send_session(server: &Server, upgrade: &[u8], bytes: &[u8], piece: usize) {
    let mut client = Client::raw(server.address);
    let reader = client.stream.try_clone().unwrap();
    let drain = std::thread::spawn(move || {
        let mut reader = reader;
        let _ = std::io::copy(&mut reader, &mut std::io::sink());
    });
    let all = join(&[upgrade, bytes]);
    for piece in all.chunks(piece) {
        // The server may have closed already.
        if std::io::Write::write_all(&mut client.stream, piece).is_err() {
            break;
        }
    }
    let _ = client.stream.shutdown(std::net::Shutdown::Write);
    drain.join().unwrap();
}
