//! The program that the cases run against, and the checks after each case.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use socket2::{Domain, Socket, Type};
use sysconn::frame::Opcode;

use crate::common::{
    Client, Frame, PATIENCE, Program, Reply, UPGRADE, eventually, frame, packet, upgrade_of,
};
use crate::tls::Certificate;

/// Any socket.
pub(crate) trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

pub(crate) type AnyClient = Client<Box<dyn Stream>>;

/// The variant of the program to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    /// The gateway, with more options.
    Serve(&'static [&'static str]),
    /// The gateway with timers so short that no good client stays connected throughout.
    Hasty(&'static [&'static str]),
    /// The echo of any message, with more options.
    Echo(&'static [&'static str]),
    /// The gateway behind a proxy on this machine, which is trusted.
    Proxy,
    /// The gateway with TLS.
    Tls,
    /// The gateway on a path.
    Unix,
}

pub(crate) const SERVE: Setup = Setup::Serve(&[]);
pub(crate) const ECHO: Setup = Setup::Echo(&[]);

/// On a slow machine a case can take longer than the timers allow good clients to be silent.
const PATIENT: [&str; 6] = ["--ping-interval", "0", "--client-check", "0", "--read-timeout", "0"];

/// The header that a trusted proxy sends for its own connection.
pub(crate) const UNKNOWN_PROXY: &[u8] = b"PROXY UNKNOWN\r\n";
/// The origin of good clients.
pub(crate) const ORIGIN: &str = "Origin: https://game.example\r\n";

/// One case: the actions of a hostile client, and the required answer.
pub(crate) struct Case {
    pub(crate) id: &'static str,
    setup: Setup,
    act: fn(&Stage),
}

impl Case {
    pub(crate) const fn new(id: &'static str, setup: Setup, act: fn(&Stage)) -> Self {
        Case { id, setup, act }
    }
}

/// Plays each case, and looks at the program afterwards.
pub(crate) fn play(cases: &[Case]) {
    let mut stage: Option<Stage> = None;
    for case in cases {
        println!("{}", case.id);
        let stage = match &mut stage {
            Some(stage) if stage.setup == case.setup => stage,
            other => other.insert(Stage::new(case.setup)),
        };
        (case.act)(stage);
        stage.check(case.id);
    }
}

/// A program, and a good client that stays connected throughout.
pub(crate) struct Stage {
    pub(crate) program: Program,
    setup: Setup,
    path: PathBuf,
    certificate: Certificate,
    witness: std::cell::RefCell<AnyClient>,
    descriptors: usize,
}

impl Stage {
    fn new(setup: Setup) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sysconn-hostile-{}-{number}", std::process::id()));
        let certificate = Certificate::new();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
        command.env_clear().arg(if matches!(setup, Setup::Echo(_)) { "echo" } else { "serve" });
        if setup == Setup::Unix {
            command.arg("--listen").arg(format!("unix:{}", path.display()));
        } else {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        if !matches!(setup, Setup::Hasty(_)) {
            command.args(PATIENT);
        }
        match setup {
            Setup::Serve(options) | Setup::Hasty(options) | Setup::Echo(options) => command.args(options),
            Setup::Proxy => command.args(["--proxy-protocol", "127.0.0.1", "--auth", "open"]),
            Setup::Tls => {
                std::fs::write(&path, certificate.both_pem()).unwrap();
                command.arg("--tls-cert").arg(&path).arg("--tls-key").arg(&path)
            }
            Setup::Unix => &mut command,
        };
        let program = Program::start_as(&mut command);
        let witness = connect(&program, setup, &path, &certificate).into();
        let mut stage = Stage { program, setup, path, certificate, witness, descriptors: 0 };
        stage.witness();
        stage.descriptors = stage.program.descriptors();
        stage.still_serves();
        eventually("the first client is gone", || stage.program.descriptors() <= stage.descriptors);
        stage
    }

    pub(crate) fn path(&self) -> &PathBuf {
        &self.path
    }

    pub(crate) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// A TCP client that has sent nothing.
    pub(crate) fn raw(&self) -> Client {
        Client::raw(self.program.address())
    }

    /// A TCP client that is upgraded.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.program.address())
    }

    /// A new client of the kind that this program serves.
    pub(crate) fn good(&self) -> AnyClient {
        connect(&self.program, self.setup, &self.path, &self.certificate)
    }

    /// The good client that stays connected is served at once.
    pub(crate) fn witness(&self) {
        self.echo(&mut self.witness.borrow_mut());
    }

    fn echo(&self, client: &mut AnyClient) {
        if matches!(self.setup, Setup::Echo(_)) {
            client.send(&frame(Opcode::Binary, b"untouched"));
            assert_eq!(client.next(), Frame::Binary(b"untouched".to_vec()));
        } else {
            client.send(&packet(1101, 7, b"untouched"));
            assert_eq!(client.reply(), Reply::new(1101, 7, b"untouched"));
        }
    }

    fn still_serves(&self) {
        let mut client = self.good();
        self.echo(&mut client);
        client.close();
    }

    /// It serves, has the descriptors that it had, and sleeps in between.
    fn check(&self, case: &str) {
        if matches!(self.setup, Setup::Hasty(_)) {
            self.witness.replace(self.good());
        }
        self.witness();
        self.still_serves();
        self.has_given_back(case);
        self.sleeps();
    }

    /// All descriptors but those of the good clients have come back, whether clients have gone or not.
    pub(crate) fn has_given_back(&self, case: &str) {
        eventually(&format!("{case}: descriptors come back"), || {
            self.program.descriptors() <= self.descriptors
        });
    }

    /// It does not spin.
    pub(crate) fn sleeps(&self) {
        for _ in 0..10 {
            self.witness();
            self.program.falls_asleep();
        }
    }

    /// By how many bytes its memory grows meanwhile.
    pub(crate) fn grown(&self, act: impl FnOnce()) -> usize {
        let before = self.program.resident_bytes();
        act();
        self.witness();
        self.program.resident_bytes().saturating_sub(before)
    }

    /// Sends a request, which must get one of these statuses, and then the end.
    pub(crate) fn refuses(&self, name: &str, request: &[u8], statuses: &[u16]) -> String {
        let mut client = self.raw();
        // The refusal can come before all is sent.
        let _ = client.stream.write_all(request);
        let (status, head, body) = client.read_refusal();
        assert!(statuses.contains(&status), "{name}: {head}");
        assert!(head.contains("\r\nConnection: close"), "{name}: {head}");
        head + &body
    }

    /// Expects a 101, and then answers to packets. Returns the head of the response.
    pub(crate) fn accepts(&self, name: &str, request: &[u8]) -> String {
        let mut client = self.raw();
        client.send(request);
        let head = client.read_head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{name}: {head}");
        client.echo(name.as_bytes());
        client.close();
        head
    }

    /// Sends bytes after the upgrade, which must close with this code; then the server must end.
    pub(crate) fn closes(&self, name: &str, bytes: &[u8], code: u16) {
        let mut client = self.client();
        // The Close can come before all is sent.
        let _ = client.stream.write_all(bytes);
        expect_close(&mut client, code, name);
    }
}

/// [`expect_close`](Client::expect_close). If the client's answer would lie within an announced payload, this
/// does not wait for the server's timer.
pub(crate) fn expect_close<T: Stream>(client: &mut Client<T>, code: u16, name: &str) {
    if matches!(code, 1003 | 1009 | 4009) {
        assert_eq!(client.next(), Frame::Close(Some(code)), "{name}");
    } else {
        client.expect_close(code, name);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn connect(program: &Program, setup: Setup, path: &PathBuf, certificate: &Certificate) -> AnyClient {
    let request = upgrade_of("/chat", ORIGIN);
    let mut client: AnyClient = match setup {
        Setup::Serve(_) | Setup::Hasty(_) | Setup::Echo(_) => {
            Client::over(Box::new(Client::raw(program.address()).stream))
        }
        Setup::Proxy => {
            let mut client = Client::raw(program.address());
            client.send(UNKNOWN_PROXY);
            Client::over(Box::new(client.stream))
        }
        Setup::Tls => Client::over(Box::new(certificate.over(Client::raw(program.address()).stream))),
        Setup::Unix => {
            let stream = UnixStream::connect(path).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            Client::over(Box::new(stream))
        }
    };
    client.upgrade(&request);
    client
}

/// Pseudorandom numbers (xorshift64), so that a failure can be repeated.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 16) as usize % limit
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.next() >> 32) as u8).collect()
    }
}

/// An upgraded TCP client with a small receive buffer.
pub(crate) fn slow(address: SocketAddr) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    let mut client = Client::over(TcpStream::from(socket));
    client.upgrade(UPGRADE);
    client
}
