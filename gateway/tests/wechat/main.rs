//! Logins by WeChat codes (command 1001) in the real program, with a fake of the platform.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, missing_docs, unreachable_pub, reason = "generated code, of which each test uses a part")]
#[path = "../../src/messages/generated.rs"]
#[rustfmt::skip]
mod messages;

mod accounts;
mod answers;
mod breaker;
mod crowd;
mod full_disk;
mod https;
mod platform;
mod secrets;
mod sessions;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use common::{Client, Program, Reply};
use messages::account::{LoggedIn, Login, WechatLoggedIn, WechatLogin};
use messages::{Connection, Kind, monitor};
use platform::{APPID, Platform, SECRET};
use prost::Message;

/// The Flag of every request here.
const FLAG: u32 = 9;

/// A file or directory of one test, gone when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("wechat-{}-{number}-{name}", std::process::id());
        Scratch(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    /// A file with the secret.
    fn secret() -> Self {
        let file = Scratch::new("secret");
        fs::write(&file.0, format!("{SECRET}\n")).unwrap();
        file
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = if self.0.is_dir() { fs::remove_dir_all(&self.0) } else { fs::remove_file(&self.0) };
    }
}

/// The program with a platform.
struct Server {
    platform: Platform,
    program: Program,
    secret: Scratch,
}

impl Server {
    fn start(more: &[&str]) -> Self {
        let (platform, secret) = (Platform::start(), Scratch::secret());
        let program = start(&platform.url(), &secret, more);
        Server { platform, program, secret }
    }

    fn connect(&self) -> Client {
        Client::connect(self.program.address())
    }

    /// The answer to a code, on a connection of its own.
    fn answer(&self, code: &str) -> Result<WechatLoggedIn, u16> {
        self.connect().wechat(code, 1)
    }

    /// A client that is a monitor.
    fn monitor(&self) -> Client {
        let mut monitor = self.connect();
        let login =
            Login { account: "m".into(), role_id: 1 << 40, kind: Kind::Monitor.into(), ..Login::default() };
        let _: LoggedIn = monitor.ask(1002, &login);
        monitor
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&self.program.log()).into_owned()
    }
}

fn start(url: &str, secret: &Scratch, more: &[&str]) -> Program {
    let serve = ["serve", "--listen", "127.0.0.1:0", "--wechat-appid", APPID, "--wechat-url", url];
    Program::start(&[&serve[..], &["--wechat-secret-file", secret.path()], more].concat())
}

fn login(code: &str, zone_id: u32) -> WechatLogin {
    WechatLogin { code: code.to_owned(), platform: "wechat".to_owned(), zone_id }
}

impl Client {
    fn ask_wechat(&mut self, code: &str, zone_id: u32) {
        self.send_packet(1001, FLAG, &login(code, zone_id).encode_to_vec());
    }

    fn read_wechat(&mut self) -> Result<WechatLoggedIn, u16> {
        let reply = self.reply();
        if reply.error_id != 0 {
            assert_eq!(reply, Reply::refusal(1001, FLAG, reply.error_id));
            return Err(reply.error_id);
        }
        assert_eq!((reply.cmd, reply.flag), (1001, FLAG));
        Ok(WechatLoggedIn::decode(&*reply.data).unwrap())
    }

    /// The message in the reply to a request.
    fn ask<M: Message + Default>(&mut self, cmd: u16, message: &impl Message) -> M {
        self.send_packet(cmd, FLAG, &message.encode_to_vec());
        let reply = self.reply();
        assert_eq!((reply.cmd, reply.error_id), (cmd, 0));
        M::decode(&*reply.data).unwrap()
    }

    /// The connection of a role, as a monitor sees it.
    fn find(&mut self, role_id: u64) -> Connection {
        let page: monitor::ConnectionPage = self.ask(9002, &monitor::Connections::default());
        page.connection.into_iter().find(|connection| connection.role_id == role_id).unwrap()
    }

    /// Logs in by a code, or gets an ErrorID.
    fn wechat(&mut self, code: &str, zone_id: u32) -> Result<WechatLoggedIn, u16> {
        self.ask_wechat(code, zone_id);
        self.read_wechat()
    }
}
