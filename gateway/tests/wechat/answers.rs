//! Each answer of the platform, and what the client, the operator and the platform get.

use std::process::Command;

use super::common::eventually;
use super::platform::code_of;
use super::{Scratch, Server, login};
use prost::Message;

/// A case: the code, the ErrorID or 0, how often the platform is asked, and a part of the log.
type Case = (&'static str, u16, usize, &'static str);

const CASES: [Case; 29] = [
    ("openid-o1", 0, 1, r#"account="o1""#),
    ("chunked", 0, 1, r#"account="chunked""#),
    ("largest", 0, 1, r#"account="largest""#),
    ("slow-300", 0, 1, r#"account="slow""#),
    ("errcode-0", 6, 1, "the answer has no openid of 1 to 255 bytes"),
    ("errcode-40029", 7, 1, r#"reason="the WeChat code is not valid (40029)""#),
    ("errcode-40163", 7, 1, r#"reason="the WeChat code was used before (40163)""#),
    ("errcode-40226", 7, 1, r#"reason="WeChat blocks this user (40226)""#),
    ("errcode-45011", 6, 1, "the user logs in too often (45011)"),
    ("errcode--1", 6, 2, "the platform is busy (-1)"),
    ("busy-once", 0, 2, r#"account="once""#),
    ("errcode-40013", 6, 1, "ERROR sysconn::wechat] wechat: the login failed: errcode 40013: the appid is"),
    ("errcode-40125", 6, 1, "errcode 40125: the secret is not the appid's (wechat-secret-file)"),
    ("errcode-41002", 6, 1, "errcode 41002: the appid is missing"),
    ("errcode-41004", 6, 1, "errcode 41004: the secret is missing"),
    ("errcode-41008", 6, 1, "errcode 41008: the code is missing"),
    ("errcode-40243", 6, 1, "errcode 40243: the secret is frozen"),
    ("errcode-12345", 6, 1, "ERROR sysconn::wechat] wechat: the login failed: errcode 12345"),
    ("late", 6, 1, "the platform did not answer in time (wechat-timeout)"),
    ("sluggish-busy", 6, 2, "the platform did not answer in time (wechat-timeout)"),
    ("html", 6, 1, "the answer is no JSON object"),
    ("empty", 6, 1, "the answer has no openid of 1 to 255 bytes"),
    ("status-500", 6, 1, "the platform answered with HTTP status 500"),
    ("moved", 6, 1, "the platform answered with HTTP status 302"),
    ("long", 6, 1, "the answer has more than 16 KiB"),
    ("head", 6, 1, "wechat: the login failed: "),
    ("half", 6, 1, "the connection to the platform failed: "),
    ("noise", 6, 1, "the platform's answer is no HTTP"),
    ("hangup", 6, 1, "the connection to the platform failed: "),
];

#[test]
fn a_listed_account_cannot_log_in() {
    let server = Server::start(&["--workers", "3"]);
    assert!(server.answer(&code_of("bad")).is_ok());
    let url = format!("ws://{}", server.program.address());
    let mut command = Command::new(env!("CARGO_BIN_EXE_sysconn"));
    command.args(["blacklist", "add", "--account", "bad", "--url", &url]).env_clear();
    assert!(command.output().unwrap().status.success());
    assert_eq!(server.answer(&code_of("bad")).err(), Some(7));
    assert!(server.answer(&code_of("good")).is_ok());
    assert!(server.log().contains(r#"account="bad" role_id=0 reason="the account is on the black list""#));
}

#[test]
fn each_answer_of_the_platform_has_its_own() {
    for workers in ["1", "3"] {
        let server = Server::start(&["--wechat-timeout", "1s", "--workers", workers]);
        for (code, error_id, tries, logged) in CASES {
            let before = server.log().len();
            let answer = server.answer(code);
            assert_eq!(answer.as_ref().map_or_else(|id| *id, |_| 0), error_id, "{code}: {answer:?}");
            assert_eq!(server.platform.tries(code), tries, "{code}");
            eventually(&format!("{code}: {logged} is in the log"), || {
                server.log()[before..].contains(logged)
            });
            // The breaker counts failures in a row.
            assert!(server.answer(&code_of("good")).is_ok(), "after {code}");
        }
        assert_eq!(server.platform.wrong(), [""; 0]);
        assert_eq!(server.platform.tries(&code_of("moved")), 0, "a redirect is not followed");
    }
}

#[test]
fn codes_that_no_platform_could_know_do_not_reach_it() {
    let server = Server::start(&[]);
    let cases = [
        (login("", 1), "the WeChat code is empty"),
        (login(&"x".repeat(513), 1), "the WeChat code is too long"),
        (super::WechatLogin { platform: "x".repeat(256), ..login("openid-o1", 1) }, "a name is too long"),
    ];
    for (message, reason) in cases {
        let mut client = server.connect();
        client.send_packet(1001, super::FLAG, &message.encode_to_vec());
        assert_eq!(client.read_wechat(), Err(7), "{reason}");
        eventually(reason, || server.log().contains(&format!("reason=\"{reason}\"")));
    }
    assert_eq!(server.platform.requests(), 0);
    // What is in a code cannot change the request.
    for account in ["&secret=x", "%26", "#?/\\", "名字", " \r\nHost: x", &"x".repeat(255)] {
        let code = code_of(account);
        let answer = server.answer(&code);
        assert_eq!(server.platform.tries(&code), 1, "{account:?}: {answer:?}");
    }
    assert_eq!(server.platform.wrong(), [""; 0]);
}

#[test]
fn a_platform_that_is_not_there_is_an_error_6() {
    let secret = Scratch::secret();
    // A port that nobody listens on.
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let program = super::start(&format!("http://{closed}"), &secret, &[]);
    let mut client = super::Client::connect(program.address());
    assert_eq!(client.wechat("openid-o1", 1), Err(6));
    client.echo(b"goes on");
    let log = || String::from_utf8_lossy(&program.log()).into_owned();
    eventually("the log says so", || log().contains("the connection to the platform failed: "));
}
