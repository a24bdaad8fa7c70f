//! The program that is measured, and the directory that it runs in.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::loads::{Certificate, Setting};

/// A directory for what programs need, which goes with the benchmark.
pub(crate) struct ScratchDirectory(PathBuf);

impl ScratchDirectory {
    pub(crate) fn new(certificate: &Certificate) -> Self {
        let scratch =
            ScratchDirectory(std::env::temp_dir().join(format!("sysconn-neighbours-{}", std::process::id())));
        std::fs::create_dir(&scratch.0).unwrap();
        std::fs::write(scratch.0.join("cert.pem"), &certificate.pem).unwrap();
        std::fs::write(scratch.0.join("key.pem"), &certificate.key).unwrap();
        scratch
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("socket")
    }
}

impl Drop for ScratchDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The program, which ends with its scene.
pub(crate) struct Server(Child);

impl Server {
    pub(crate) fn start(program: &Path, setting: Setting, scratch: &ScratchDirectory) -> (Self, SocketAddr) {
        pin(0);
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--max-connections-per-ip", "0"]);
        command.current_dir(&scratch.0).env_clear();
        let _ = std::fs::remove_file(scratch.socket());
        command.args(match setting {
            Setting::Default => &[][..],
            Setting::Drops => &["--overflow", "drop"],
            Setting::CompressesReplies => &["--compress-above", "1000"],
            Setting::Deflates => &["--deflate", "shared"],
            Setting::KeepsWindows => &["--deflate", "dedicated"],
            Setting::Tls => &["--listen", "unix:socket", "--tls-cert", "cert.pem", "--tls-key", "key.pem"],
            Setting::ShortHandshakes => &["--handshake-timeout", "500ms"],
        });
        let mut server = Server(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        pin(1);
        let mut line = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addresses = line.trim_end().strip_prefix("listening on ").unwrap();
        (server, addresses.split(',').next().unwrap().parse().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// From now on this thread, and whatever it starts, runs on one core.
fn pin(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    if let Err(error) = sched_setaffinity(None, &cores) {
        println!("not pinned to core {core}: {error}");
    }
}
