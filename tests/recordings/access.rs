//! A game with sessions, whose routes ask predicates: its recordings hold their answers, so that a replay
//! needs neither.

use std::time::Duration;

use sysconn::packet::ErrorId;
use sysconn::upgrade::{self, Refusal};
use sysconn::{
    Access, Application, Config, Context, Module, Outcome, Peer, Reactor, Record, Request, Route, Router,
    handler,
};

use crate::common::{Client, Frame, UPGRADE, eventually, join, packet, upgrade_of, with};
use crate::recorded::{Directory, check, shown};

struct Game;

/// Whether the client may open the chest, and how often it has tried.
#[derive(Default)]
struct Session {
    has_key: bool,
    tries: u32,
}

impl Application for Game {
    type Session = Session;

    fn upgrade(&mut self, request: &upgrade::Request<'_>, _: Peer) -> Result<Session, Refusal> {
        Ok(Session { has_key: request.path() == "/key", tries: 0 })
    }
}

const OPEN: u16 = 2001;
const FIND_KEY: u16 = 2002;
const BREAK: u16 = 2003;
const WATCH: u16 = 2004;

fn has_key(_: &Record, session: &Session) -> bool {
    session.has_key
}

fn breaks(_: &Record, session: &Session) -> bool {
    assert!(!session.has_key, "as the test asked");
    false
}

fn open(_: &mut Game, _: Request<'_>, context: &mut Context<'_, Session>) -> Result<[u8; 4], ErrorId> {
    let session = context.session_mut();
    session.tries += 1;
    if session.tries > 2 { Err(ErrorId(100)) } else { Ok(session.tries.to_be_bytes()) }
}

fn find_key(_: &mut Game, _: Request<'_>, context: &mut Context<'_, Session>) {
    context.session_mut().has_key = true;
}

fn watch(_: &mut Game, _: Request<'_>, context: &mut Context<'_, Session>) -> Outcome {
    let id = context.id();
    context.effects().set_debug(id, true);
    context.reply(b"")
}

static CHEST: Module<Game> = Module::new(
    20,
    "chest",
    [
        Route::new(OPEN, "open", Access::If(has_key), handler!(open)),
        Route::new(FIND_KEY, "find_key", Access::Anyone, handler!(find_key)),
        Route::new(BREAK, "break", Access::If(breaks), handler!(open)).secret(),
        Route::new(WATCH, "watch", Access::Anyone, watch),
    ],
);
static ROUTES: Router<Game> = Router::new([&CHEST]);

/// Records one client, which sends these bytes and reads to the end.
fn record(bytes: &[u8]) -> Vec<u8> {
    let directory = Directory::new();
    record_with(&directory.config(), &[bytes]);
    directory.file()
}

/// The same with bytes in several parts: each is sent once the last packet of the one before it has a reply.
fn record_with(config: &Config, parts: &[&[u8]]) {
    let mut reactor = Reactor::bind(config, &ROUTES, Game).unwrap();
    let address = reactor.local_addr().unwrap();
    let parts: Vec<_> = parts.iter().map(|part| part.to_vec()).collect();
    let client = std::thread::spawn(move || {
        let mut client = Client::raw(address);
        client.send(&parts[0]);
        client.read_upgraded();
        for part in &parts[1..] {
            client.reply();
            client.send(part);
        }
        client.shutdown_write();
        while client.next() != Frame::End {}
    });
    eventually("the client is served", || {
        reactor.turn(Some(Duration::ZERO)).unwrap();
        client.is_finished() && reactor.connections() == 0
    });
    client.join().unwrap();
}

#[test]
fn a_game_with_sessions_and_predicates_replays_without_a_difference() {
    let (open, find, broken) = (packet(OPEN, 1, b""), packet(FIND_KEY, 2, b""), packet(BREAK, 3, b"lock"));
    let with_key = upgrade_of("/key", "");
    let cases: [(&str, Vec<u8>, &[&str]); 4] = [
        ("refused", join(&[UPGRADE, &open, &broken]), &["refuses it", "refuses it"]),
        ("found", join(&[UPGRADE, &open, &find, &open, &open]), &["refuses it", "allows it", "allows it"]),
        ("has it", join(&[&with_key, &open, &open, &open]), &["allows it"; 3]),
        ("panics", join(&[&with_key, &open, &broken, &open]), &["allows it", "panicked"]),
    ];
    for (case, bytes, expected) in cases {
        let file = record(&bytes);
        check(&file, case);
        let text = shown(&file);
        let answers: Vec<_> = text.lines().filter_map(|line| line.split("the predicate ").nth(1)).collect();
        assert_eq!(answers, expected, "{case}\n{text}");
    }
}

#[test]
fn a_recording_that_begins_later_has_the_answers_too() {
    let directory = Directory::new();
    let config = with(directory.config(), |config| {
        config.recording.as_mut().unwrap().debugged = true;
    });
    let (open, find, watch) = (packet(OPEN, 1, b""), packet(FIND_KEY, 2, b""), packet(WATCH, 3, b""));
    record_with(&config, &[&join(&[UPGRADE, &watch]), &join(&[&open, &find, &open])]);
    let file = directory.file();
    check(&file, "later");
    let text = shown(&file);
    let answers: Vec<_> = text.lines().filter_map(|line| line.split("the predicate ").nth(1)).collect();
    assert_eq!(answers, ["refuses it", "allows it"], "{text}");
}

#[test]
fn a_replay_with_another_answer_differs() {
    let file = record(&join(&[UPGRADE, &packet(OPEN, 1, b"")]));
    // The note of the answer: 3 bytes, number 26, present, false.
    let note = [3, 26, 1, 0];
    let at = file.windows(note.len()).position(|bytes| bytes == note).unwrap();
    let mut changed = file.clone();
    changed[at + 3] = 1;
    let replay = crate::recorded::replay(&changed);
    assert!(replay.difference.is_some(), "{replay}\n{}", shown(&changed));
}
