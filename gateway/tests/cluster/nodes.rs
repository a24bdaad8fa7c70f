//! Programs in one cluster.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;

use super::client::{enter, monitor};
use super::common::{Client, Frame, PATIENCE, Program, eventually};
use super::messages::monitor::{ConnectionPage, Connections};
use super::nats;
use super::relay::Relay;

/// The token of the admin servers.
const TOKEN: &str = "0123456789abcdef";

/// A NATS server with the programs that use it, by their names.
pub(crate) struct Nodes {
    pub(crate) nats: Option<nats::Server>,
    address: String,
    /// Between NATS and the program with this name.
    pub(crate) relay: Option<(Relay, &'static str)>,
    folder: PathBuf,
    more: Vec<String>,
    pub(crate) programs: Vec<(String, Program)>,
}

impl Nodes {
    /// Programs that know each other.
    pub(crate) fn start(names: &[&str], more: &[&str]) -> Self {
        Self::start_relayed(names, None, more)
    }

    /// The same, one of them behind a relay.
    pub(crate) fn start_relayed(names: &[&str], relayed: Option<&'static str>, more: &[&str]) -> Self {
        let nats = nats::Server::start("");
        let more = more.iter().map(|&text| text.to_owned()).collect();
        let mut nodes = Nodes {
            address: nats.address(),
            relay: relayed.map(|name| (Relay::to(nats.port), name)),
            nats: Some(nats),
            folder: nats::folder(),
            more,
            programs: vec![],
        };
        fs::write(nodes.folder.join("token"), TOKEN).unwrap();
        nodes.add_all(names);
        nodes.meet();
        nodes
    }

    /// The arguments of a program. Each has a store, and an admin server on a socket.
    fn arguments(&self, name: &str) -> Vec<String> {
        let folder = self.folder.display();
        let workers = if name == "b" { "3" } else { "1" };
        let relay = self.relay.as_ref().filter(|(_, of)| *of == name);
        let own = [
            "serve --listen 127.0.0.1:0 --cluster".to_owned(),
            relay.map_or(self.address.clone(), |(relay, _)| relay.address()),
            format!("--node {name} --workers {workers} --data {folder}/{name}"),
            format!("--admin unix:{folder}/{name}.admin --admin-token-file {folder}/token"),
        ];
        let words = own.iter().flat_map(|words| words.split(' ')).map(str::to_owned);
        words.chain(self.more.iter().cloned()).collect()
    }

    pub(crate) fn add(&mut self, name: &str) {
        self.add_all(&[name]);
    }

    /// Starts programs at once, each of which waits for 2 s whether its name is free.
    fn add_all(&mut self, names: &[&str]) {
        let arguments: Vec<_> = names.iter().map(|name| self.arguments(name)).collect();
        let start = |words: &[String]| Program::start(&words.iter().map(String::as_str).collect::<Vec<_>>());
        std::thread::scope(|scope| {
            let starting: Vec<_> = arguments.iter().map(|words| scope.spawn(move || start(words))).collect();
            for (name, starting) in names.iter().zip(starting) {
                self.programs.push(((*name).to_owned(), starting.join().unwrap()));
            }
        });
    }

    /// Runs a program that does not start, and returns its status and what it says.
    pub(crate) fn fails(&self, name: &str) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--cluster", &self.address, "--node", name]);
        let output = command.env_clear().output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    pub(crate) fn of(&self, name: &str) -> &Program {
        &self.programs.iter().find(|(of, _)| of == name).unwrap().1
    }

    pub(crate) fn take(&mut self, name: &str) -> Program {
        let at = self.programs.iter().position(|(of, _)| of == name).unwrap();
        self.programs.remove(at).1
    }

    /// Waits until all programs know each other.
    pub(crate) fn meet(&self) {
        for (name, _) in &self.programs {
            eventually("all know each other", || {
                let known = self.figure(name, "sysconn_cluster_nodes");
                known == self.programs.len() as u64
            });
        }
    }

    /// The status and body of an answer of the admin server.
    pub(crate) fn get(&self, name: &str, path: &str) -> (u16, String) {
        self.ask(name, &format!("GET {path}"), "")
    }

    /// The same for an act.
    pub(crate) fn post(&self, name: &str, path: &str, body: &str) -> (u16, String) {
        self.ask(name, &format!("POST {path}"), body)
    }

    /// An act whose client leaves before it is answered.
    pub(crate) fn post_and_leave(&self, name: &str, path: &str, body: &str) {
        drop(self.send(name, &format!("POST {path}"), body));
    }

    /// The answer to a request line without its version.
    pub(crate) fn ask(&self, name: &str, what: &str, body: &str) -> (u16, String) {
        let mut text = String::new();
        self.send(name, what, body).read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    /// Sends such a request.
    pub(crate) fn send(&self, name: &str, what: &str, body: &str) -> UnixStream {
        let mut socket = UnixStream::connect(self.folder.join(format!("{name}.admin"))).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let head = format!("Host: localhost\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}");
        let of_body = format!("Content-Type: application/json\r\nContent-Length: {length}");
        write!(socket, "{what} HTTP/1.1\r\n{head}\r\n{of_body}\r\n\r\n{body}").unwrap();
        socket
    }

    /// A family of metrics with one value.
    pub(crate) fn figure(&self, name: &str, family: &str) -> u64 {
        let (_, text) = self.get(name, "/metrics");
        let value = text.lines().find_map(|line| line.strip_prefix(family)?.strip_prefix(' '));
        value.unwrap_or_default().parse().unwrap_or(u64::MAX)
    }

    /// An operator at a program.
    pub(crate) fn operator(&self, name: &str) -> Client {
        enter(self.of(name), &monitor(900 + u64::from(name.as_bytes()[0])))
    }

    /// NATS ends, as by `kill -9`.
    pub(crate) fn cut(&mut self) -> u16 {
        self.nats.take().unwrap().kill()
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.programs.clear();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A page of the connections of all nodes.
pub(crate) fn all(operator: &mut Client, offset: u32, limit: u32) -> ConnectionPage {
    operator.ask(9002, &Connections { offset, limit, all_nodes: true })
}

/// Whether a client that hears no pushes goes on; otherwise it was closed as replaced.
pub(crate) fn is_open(client: &mut Client) -> bool {
    client.send_packet(1101, 2, b"still there?");
    match client.next() {
        Frame::Binary(_) => true,
        other => {
            assert_eq!(other, Frame::Close(Some(4007)));
            false
        }
    }
}
