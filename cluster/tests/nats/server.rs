//! A NATS server on a free loopback port, for one test.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Where Debian's package puts it; elsewhere it is found by `PATH`.
const PROGRAMS: [&str; 2] = ["/usr/sbin/nats-server", "nats-server"];

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    folder: PathBuf,
}

/// A folder of a test's own, below Cargo's.
pub(crate) fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("nats-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

impl Server {
    /// Starts a server with this configuration beside address and port.
    pub(crate) fn start(config: &str) -> Self {
        Self::start_on(0, config)
    }

    /// The same on a port that was free a moment ago; 0: any.
    pub(crate) fn start_on(port: u16, config: &str) -> Self {
        let folder = folder();
        let file = folder.join("nats.conf");
        fs::write(&file, config).unwrap();
        let ports = if port == 0 { "-1".to_owned() } else { port.to_string() };
        let child = PROGRAMS.iter().find_map(|program| {
            Command::new(program)
                .args(["-a", "127.0.0.1", "-p", &ports, "--ports_file_dir"])
                .arg(&folder)
                .arg("-c")
                .arg(&file)
                .stdout(Stdio::null())
                .stderr(fs::File::create(folder.join("log")).unwrap())
                .spawn()
                .ok()
        });
        let child =
            child.expect("nats-server is missing; Debian's package has its name, and tests/run installs it");
        let mut server = Server { child, port, folder };
        server.port = server.wait_for_port();
        server
    }

    /// The server has written its ports once it listens.
    fn wait_for_port(&mut self) -> u16 {
        let file = self.folder.join(format!("nats-server_{}.ports", self.child.id()));
        for _ in 0..1000 {
            let written = fs::read_to_string(&file).unwrap_or_default();
            let port = written.split("://127.0.0.1:").nth(1).and_then(|rest| rest.split('"').next());
            if let Some(port) = port {
                return port.parse().unwrap();
            }
            assert!(self.child.try_wait().unwrap().is_none(), "{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("nats-server does not listen: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    pub(crate) fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Ends it at once, as `kill -9` does.
    pub(crate) fn kill(mut self) -> u16 {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.port
    }

    /// Takes another configuration on.
    #[allow(dead_code, reason = "of the modules that include this one, some reload nothing")]
    pub(crate) fn reload(&self, config: &str) {
        fs::write(self.folder.join("nats.conf"), config).unwrap();
        self.signal(Signal::HUP);
    }

    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Sends lines of NATS's protocol by hand, and returns what the server has answered until it says PONG.
pub(crate) fn by_hand(port: u16, connect: &str, lines: impl AsRef<[u8]>) -> String {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let begin = format!("CONNECT {connect}\r\n");
    socket.write_all(&[begin.as_bytes(), lines.as_ref(), b"PING\r\n"].concat()).unwrap();
    let mut read = String::new();
    let mut bytes = [0; 4096];
    while !read.contains("PONG") {
        match socket.read(&mut bytes) {
            Ok(0) | Err(_) => break,
            Ok(len) => read.push_str(&String::from_utf8_lossy(&bytes[..len])),
        }
    }
    read
}

/// A client that hears all subjects, and takes nothing in.
pub(crate) fn hear_all(port: u16) -> TcpStream {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(socket, "CONNECT {{\"verbose\":false}}\r\nSUB > 1\r\nPING\r\n").unwrap();
    let mut read = String::new();
    let mut bytes = [0; 4096];
    while !read.contains("PONG") {
        let len = socket.read(&mut bytes).unwrap();
        read.push_str(&String::from_utf8_lossy(&bytes[..len]));
    }
    socket
}
