//! A server behind a proxy that names its clients, with keys and a directory for its data.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use prost::Message;
use rustix::process::Signal;
use sysconn::token::Keys;
use sysconn::{ClientKind, Custodian, Identity, Login};

use super::common::{Client, Program, UPGRADE};
use super::messages::{Entry, Kind, account, monitor};

/// The ErrorID of a refused login.
pub(crate) const REFUSED: u16 = 7;
/// The key that signs all logins here.
const KEY: [u8; 32] = [1; 32];

/// A folder with keys and data, which outlives the programs that use it.
pub(crate) struct Stage {
    pub(crate) folder: PathBuf,
    workers: &'static str,
}

impl Stage {
    pub(crate) fn new(workers: &'static str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("blacklist-{}-{number}", std::process::id());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("keys"), hex()).unwrap();
        Stage { folder, workers }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// Starts a server, whose clients come through a proxy on this machine.
    pub(crate) fn start(&self, more: &[&str]) -> Program {
        self.start_in_memory(&[&["--data", &self.path("data")], more].concat())
    }

    /// Starts such a server without a directory for its data.
    pub(crate) fn start_in_memory(&self, more: &[&str]) -> Program {
        let keys = self.path("keys");
        let own = ["serve", "--listen", "127.0.0.1:0", "--workers", self.workers, "--token-keys", &keys];
        Program::start(&[&own[..], &["--proxy-protocol", "127.0.0.1"], more].concat())
    }

    /// Ends the program, and starts another one.
    pub(crate) fn restart(&self, mut program: Program, more: &[&str]) -> Program {
        program.signal(Signal::TERM);
        assert_eq!(program.wait().0.code(), Some(0));
        drop(program);
        self.start(more)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn hex() -> String {
    KEY.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A login of a player, with its token.
pub(crate) fn player(name: &str, role_id: u64) -> account::Login {
    signed(account::Login { kind: Kind::GameServer.into(), ..bare(name, role_id) })
}

/// A login of an operator.
pub(crate) fn operator() -> account::Login {
    signed(account::Login { kind: Kind::Monitor.into(), ..bare("boss", 1) })
}

/// A login of a player on whose behalf another account acts.
pub(crate) fn hosted(name: &str, role_id: u64, custodian: &str) -> account::Login {
    signed(account::Login { custodian: custodian.into(), custodian_role_id: 9, ..player(name, role_id) })
}

fn bare(name: &str, role_id: u64) -> account::Login {
    account::Login { account: name.into(), role_id, ..account::Login::default() }
}

/// The login with a token that never expires.
fn signed(login: account::Login) -> account::Login {
    let account::Login { account, platform, zone_id, role_id, custodian, custodian_role_id, .. } =
        login.clone();
    let content = Login {
        identity: Identity { account, platform, zone_id, role_id },
        kind: match login.kind() {
            Kind::Tester => ClientKind::Guest,
            Kind::GameServer => ClientKind::Player,
            Kind::Monitor => ClientKind::Operator,
        },
        custodian: Some(Custodian { account: custodian, role_id: custodian_role_id }),
        ..Login::default()
    };
    let token = Keys::from_text(hex().as_bytes()).unwrap().sign(&content, u64::MAX);
    account::Login { token, ..login }
}

/// A client of this address, whose upgrade request is sent.
pub(crate) fn ask(program: &Program, address: &str) -> Client {
    let mut client = Client::raw(program.address());
    let (family, own) = if address.contains(':') { ("TCP6", "::1") } else { ("TCP4", "127.0.0.1") };
    client.send(format!("PROXY {family} {address} {own} 4711 9001\r\n").as_bytes());
    client.send(UPGRADE);
    client
}

/// A connected client of this address.
pub(crate) fn connect(program: &Program, address: &str) -> Client {
    let mut client = ask(program, address);
    client.read_upgraded();
    client
}

/// Whether a client of this address is answered 403.
pub(crate) fn is_barred(program: &Program, address: &str) -> bool {
    let mut client = ask(program, address);
    let head = client.read_head();
    assert!(head.starts_with("HTTP/1.1 101 ") || head.starts_with("HTTP/1.1 403 "), "{head}");
    head.starts_with("HTTP/1.1 403 ")
}

impl Client {
    /// Logs in. Returns the ErrorID, 0 if the login is accepted.
    pub(crate) fn login(&mut self, login: &account::Login) -> u16 {
        self.send_packet(1002, 9, &login.encode_to_vec());
        self.reply().error_id
    }

    /// Sends Data that does not decode, which ends the connection.
    pub(crate) fn offend(mut self) {
        self.send_packet(1002, 9, b"\xff");
        self.expect_close(4001, "Data does not decode");
    }

    /// Asks for 9005. Returns the answer, or the ErrorID.
    pub(crate) fn blacklist(&mut self, message: &monitor::Blacklist) -> Result<monitor::BlacklistPage, u16> {
        self.send_packet(9005, 9, &message.encode_to_vec());
        let reply = self.reply();
        match reply.error_id {
            0 => Ok(monitor::BlacklistPage::decode(&*reply.data).unwrap()),
            error_id => Err(error_id),
        }
    }

    /// Who is listed.
    pub(crate) fn listed(&mut self) -> Vec<String> {
        let page = self.blacklist(&monitor::Blacklist::default()).unwrap();
        assert_eq!(page.total, page.entry.len() as u64);
        page.entry.into_iter().map(|Entry { account, address, .. }| account + &address).collect()
    }
}

/// The ErrorID of a login from some address.
pub(crate) fn outcome(program: &Program, login: &account::Login) -> u16 {
    connect(program, "192.0.2.200").login(login)
}

/// A connected operator.
pub(crate) fn watch(program: &Program) -> Client {
    let mut client = connect(program, "192.0.2.201");
    assert_eq!(client.login(&operator()), 0);
    client
}
