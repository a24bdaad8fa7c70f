//! A server with an admin server, and a small HTTP client.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use prost::Message as _;
use serde_json::Value;

use super::common::{Client, PATIENCE, Program};
use super::messages::{Kind, account};

/// The token of all admin servers here.
pub(crate) const TOKEN: &str = "0123456789abcdef-token";
/// An address that counts as one of other machines, and is not: no packet leaves this one.
pub(crate) const EXPOSED: &str = "[::ffff:127.0.0.1]:0";
pub(crate) const LOOPBACK: &str = "127.0.0.1:0";

/// A server, and where its admin server is.
pub(crate) struct Stage {
    pub(crate) program: Program,
    pub(crate) admin: Address,
    /// Files of this stage, such as the token.
    pub(crate) folder: PathBuf,
}

#[derive(Clone, Debug)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        assert!(self.head.contains("\r\ncontent-type: application/json\r\n"), "{}", self.head);
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// A folder for one test.
pub(crate) fn folder() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("admin-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes the token to a file that only its owner can read.
pub(crate) fn write_token(folder: &std::path::Path, token: &str) -> String {
    let path = folder.join("token");
    fs::write(&path, token).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

impl Stage {
    /// With a token, on loopback.
    pub(crate) fn new(more: &[&str]) -> Self {
        Stage::at(LOOPBACK, true, more)
    }

    pub(crate) fn at(admin: &str, has_token: bool, more: &[&str]) -> Self {
        let folder = folder();
        let token = write_token(&folder, TOKEN);
        let own = ["serve", "--listen", "127.0.0.1:0", "--admin", admin];
        let with_token = if has_token { vec!["--admin-token-file", &token] } else { vec![] };
        let program = Program::start(&[&own[..], &with_token, more].concat());
        let log = String::from_utf8(program.log()).unwrap();
        let (_, rest) = log.split_once("the admin server is at ").expect("the log names the address");
        let named = rest.lines().next().unwrap();
        let admin = match named.strip_prefix("unix:") {
            Some(path) => Address::Unix(path.into()),
            None => {
                Address::Tcp(named.strip_prefix("http://").unwrap().trim_end_matches('/').parse().unwrap())
            }
        };
        Stage { program, admin, folder }
    }

    /// The answer to some bytes.
    pub(crate) fn send(&self, request: &[u8]) -> Answer {
        send(&self.admin, request)
    }

    /// The answer to a request without a token.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())
    }

    /// The JSON that is at a path.
    pub(crate) fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// The answer to a POST of JSON with the token.
    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: \
             application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.send(request.as_bytes())
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.program.address())
    }

    /// A client that has logged in.
    pub(crate) fn player(&self, account: &str, role_id: u64) -> Client {
        let mut client = self.client();
        let login = account::Login {
            account: account.to_owned(),
            platform: "test".to_owned(),
            zone_id: 1,
            role_id,
            kind: Kind::GameServer.into(),
            ..account::Login::default()
        };
        client.send_packet(1002, 1, &login.encode_to_vec());
        assert_eq!(client.reply().error_id, 0);
        client
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8(self.program.log()).unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn send(to: &Address, request: &[u8]) -> Answer {
    match to {
        Address::Tcp(address) => {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            exchange(stream, request)
        }
        Address::Unix(path) => {
            let stream = UnixStream::connect(path).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            exchange(stream, request)
        }
    }
}

fn exchange(mut stream: impl Read + Write, request: &[u8]) -> Answer {
    // The server may refuse before it has read everything.
    let _ = stream.write_all(request);
    let mut bytes = vec![];
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default();
    Answer { status, head: format!("{head}\r\n"), body: body.to_owned() }
}
