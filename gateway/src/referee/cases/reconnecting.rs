//! Group 5: what a client that reconnects by itself does after the end of its connection, and how it notices.

use std::time::Duration;

use sysconn::Reconnect;

use super::super::deadline::now;
use super::super::message::{Command, Event, Offline, Settings, hex};
use super::super::peer::Peer;
use super::super::stage::{CMD, Judged, NEVER_MS, Stage};
use super::ends::{CODES, reconnect};
use super::{Unnumbered, case};

/// The command and the Data of a login.
const LOGIN: (u16, &[u8]) = (1002, b"login");
/// The command of a heartbeat.
const HEARTBEAT: u16 = 1044;
/// A time in which a client that is too early would come.
const QUIET: Duration = Duration::from_millis(150);
/// A short wait before reconnecting, in milliseconds.
const SHORT_MS: u32 = 50;
/// After so long a connection is a good one, and a bit for the client's clock.
const SETTLED: Duration = Duration::from_millis(10_500);
/// A code after which a client comes at once.
const READ_TIMED_OUT: u16 = 4009;
/// The time in which a wake-up is to be answered.
const WAKE: Duration = Duration::from_secs(3);

pub(super) fn cases() -> Vec<Unnumbered> {
    let mut cases = vec![
        case("backoff", "waits at random, up to a limit that doubles", backoff),
        case("retry", "waits as long as a reason with retry=SECONDS says", retry),
        case("login-first", "logs in on each connection, before anything else", login_first),
        case("login-later", "tries a login again that was refused with 5 or 6", login_later),
        case("login-never", "does not try a login again that was refused with 7", login_never),
        case("not-twice", "sends nothing twice by itself", not_twice),
        case("offline", "keeps calls until it is connected, or fails them, as told", offline),
        case("silence", "reconnects after silence, with one connection at a time", silence),
        case("half-open", "gives up a server that does not answer the upgrade", half_open),
        case("wake", "asks the server after a wake-up, and reconnects without an answer", wake),
        case("heartbeat", "sends heartbeats", heartbeat),
    ];
    cases.extend(CODES.map(|code| {
        let (run, what): (fn(&mut Stage<'_>, u16) -> Judged, _) = match reconnect(code) {
            Reconnect::Now => (comes_now, "connects again at once"),
            Reconnect::Later => (comes_later, "connects again later"),
            Reconnect::Never => (never_comes, "does not connect again"),
        };
        let about = format!("{what} after a Close with {code}");
        Unnumbered { name: format!("code-{code}"), about, run: Box::new(move |stage| run(stage, code)) }
    }));
    cases.push(case("now-once", "comes at once only the first time", now_once));
    cases.push(case("settled", "comes at once again after 10 s in which it was logged in", settled));
    cases
}

/// Connects under these settings, and closes with this code.
fn close(stage: &mut Stage<'_>, settings: Settings, code: u16) -> Judged {
    let mut peer = stage.connect(settings)?;
    stage.expect_open()?;
    peer.close(Some(code), "")
}

fn comes_now(stage: &mut Stage<'_>, code: u16) -> Judged {
    close(stage, stage.settings(), code)?;
    stage.accept().map(drop)
}

fn comes_later(stage: &mut Stage<'_>, code: u16) -> Judged {
    close(stage, stage.settings(), code)?;
    stage.no_arrival(QUIET)?;
    stage.end()?;
    close(stage, stage.patient(SHORT_MS, SHORT_MS), code)?;
    stage.accept().map(drop)
}

fn never_comes(stage: &mut Stage<'_>, code: u16) -> Judged {
    close(stage, stage.patient(SHORT_MS, SHORT_MS), code)?;
    stage.expect(&Event::Closed)?;
    stage.no_arrival(QUIET)
}

fn backoff(stage: &mut Stage<'_>) -> Judged {
    const FIRST_MS: u32 = 40;
    const MAX_MS: u32 = 160;
    const TRIES: u32 = 6;
    stage.tell(&Command::Connect(stage.patient(FIRST_MS, MAX_MS)))?;
    stage.arrival(stage.patience)?.refuse();
    let began = now();
    for tried in 0..TRIES {
        let limit = Duration::from_millis(u64::from(FIRST_MS << tried).min(u64::from(MAX_MS)));
        stage.arrival(limit + stage.patience)?.refuse();
    }
    let waited = began.elapsed();
    if waited < Duration::from_millis(u64::from(FIRST_MS)) {
        return Err(format!(
            "the client tries {TRIES} times within {waited:?}, for a first wait of {FIRST_MS} ms"
        ));
    }
    Ok(())
}

fn retry(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.patient(1, 1))?;
    stage.expect_open()?;
    peer.close(Some(1001), "going away retry=1")?;
    stage.no_arrival(Duration::from_millis(900))?;
    // The client adds a random part.
    stage.arrival(Duration::from_secs(2) + stage.patience).map(drop)
}

fn login_first(stage: &mut Stage<'_>) -> Judged {
    let (cmd, data) = LOGIN;
    stage.tell(&Command::Connect(stage.with_login(SHORT_MS, cmd, data)))?;
    stage.call(1, CMD, b"waits")?;
    let mut peer = stage.accept()?;
    let flag = peer.request_of(cmd, data)?;
    peer.no_request(QUIET)?;
    peer.reply(cmd, flag, b"")?;
    let flag = peer.request_of(CMD, b"waits")?;
    peer.reply(CMD, flag, b"!")?;
    stage.expect_reply(1, b"!")?;
    stage.expect_open()?;
    peer.drop_line();
    stage.accept()?.request_of(cmd, data).map(drop)
}

fn login_later(stage: &mut Stage<'_>) -> Judged {
    let (cmd, data) = LOGIN;
    let mut peer = stage.connect(stage.with_login(SHORT_MS, cmd, data))?;
    for error in [5, 6] {
        let flag = peer.request_of(cmd, data)?;
        peer.refuse(cmd, flag, error)?;
        peer.expect_end()?;
        peer = stage.accept()?;
    }
    let flag = peer.request_of(cmd, data)?;
    peer.reply(cmd, flag, b"")?;
    stage.expect_open()
}

fn login_never(stage: &mut Stage<'_>) -> Judged {
    let (cmd, data) = LOGIN;
    let mut peer = stage.connect(stage.with_login(SHORT_MS, cmd, data))?;
    let flag = peer.request_of(cmd, data)?;
    peer.refuse(cmd, flag, 7)?;
    stage.expect(&Event::Closed)?;
    peer.expect_end()?;
    stage.no_arrival(QUIET)
}

fn not_twice(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.patient(SHORT_MS, SHORT_MS))?;
    stage.call(1, CMD, b"first")?;
    peer.request_of(CMD, b"first")?;
    peer.drop_line();
    stage.expect_ended(1, true)?;
    let mut peer = stage.accept()?;
    stage.call(2, CMD, b"second")?;
    let flag = peer.request_of(CMD, b"second")?;
    peer.reply(CMD, flag, b"!")?;
    stage.expect_reply(2, b"!")
}

fn offline(stage: &mut Stage<'_>) -> Judged {
    let peer = stage.connect(stage.patient(SHORT_MS, SHORT_MS))?;
    stage.expect_open()?;
    peer.drop_line();
    // It is not connected before this is answered.
    let arrival = stage.arrival(stage.patience)?;
    let call = |id, data: &[u8], offline| Command::Call {
        id,
        cmd: CMD,
        data: hex(data),
        timeout_ms: NEVER_MS,
        offline,
    };
    stage.tell(&call(1, b"waits", Offline::Wait))?;
    stage.tell(&call(2, b"fails", Offline::Reject))?;
    stage.expect_ended(2, false)?;
    let mut peer = stage.upgrade(arrival)?;
    let flag = peer.request_of(CMD, b"waits")?;
    peer.reply(CMD, flag, b"!")?;
    stage.expect_reply(1, b"!")
}

fn silence(stage: &mut Stage<'_>) -> Judged {
    let settings = Settings { idle_ms: 200, ..stage.patient(SHORT_MS, SHORT_MS) };
    let mut old = stage.connect(settings)?;
    stage.expect_open()?;
    let _new = stage.accept()?;
    old.expect_end()
}

fn half_open(stage: &mut Stage<'_>) -> Judged {
    let settings = Settings { connect_timeout_ms: 200, ..stage.patient(SHORT_MS, SHORT_MS) };
    stage.tell(&Command::Connect(settings))?;
    let _unanswered = stage.arrival(stage.patience)?;
    let _answered = stage.accept()?;
    stage.expect_open()
}

fn wake(stage: &mut Stage<'_>) -> Judged {
    let mut peer = stage.connect(stage.patient(SHORT_MS, SHORT_MS))?;
    stage.expect_open()?;
    stage.tell(&Command::Wake)?;
    let request = peer.request()?;
    peer.reply(request.cmd, request.flag, b"")?;
    // The push shows that the answer has come too.
    peer.push(CMD, b"fence")?;
    stage.expect_push(CMD, b"fence")?;
    stage.tell(&Command::Wake)?;
    peer.request()?;
    stage.arrival(WAKE + stage.patience).map(drop)
}

fn heartbeat(stage: &mut Stage<'_>) -> Judged {
    let settings = Settings { heartbeat_ms: 50, ..stage.settings() };
    let mut peer = stage.connect(settings)?;
    for _ in 0..3 {
        let flag = peer.request_of(HEARTBEAT, b"")?;
        peer.reply(HEARTBEAT, flag, b"")?;
    }
    Ok(())
}

/// A client that has come at once, and is open again.
fn come_back(stage: &mut Stage<'_>) -> Judged<Peer> {
    close(stage, stage.settings(), READ_TIMED_OUT)?;
    let peer = stage.accept()?;
    stage.expect_open()?;
    Ok(peer)
}

fn now_once(stage: &mut Stage<'_>) -> Judged {
    come_back(stage)?.close(Some(READ_TIMED_OUT), "")?;
    stage.no_arrival(QUIET)
}

fn settled(stage: &mut Stage<'_>) -> Judged {
    let mut peer = come_back(stage)?;
    peer.no_request(SETTLED)?;
    peer.close(Some(READ_TIMED_OUT), "")?;
    stage.accept().map(drop)
}
