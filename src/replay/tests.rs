//! Small files with large claims: the memory of their replay, and its time, measured by allocations.

use allocation_counter::measure;

use super::driver::Driver;
use super::{Excess, Recording, Unreadable};
use crate::cause::Cause;
use crate::config::Config;
use crate::frame::Opcode;
use crate::recording::codes::Reason;
use crate::recording::excess::{MAX_CALL_NOTES, MAX_HEAD_BYTES};
use crate::recording::file::{Begin, Deadlines, File, Head, Opened, Owed};
use crate::recording::frame::Frame;
use crate::recording::note::{Answered, Note, Outcome, Said};
use crate::recording::wire::Bytes;

const MIB: u64 = 1024 * 1024;
/// The most bytes that a replay may hold at once, whatever the file: placeholders for two messages, one of
/// them while its buffer grows.
const MAX_HELD_BYTES: u64 = 256 * MIB;
/// The additional bytes that a replay may hold for each byte of the file.
const HELD_PER_BYTE: u64 = 100;
/// The most bytes that it may allocate in all, and for each byte of the file, in addition to the content that
/// a case claims.
const ALLOCATED_PER_BYTE: u64 = 400;
const MAX_ALLOCATED_BYTES: u64 = 4 * MIB;

/// Calls, and how often each is made.
type Calls = Vec<(usize, Vec<Note>)>;
/// A case's name, its recording, why it is refused, and the MiB of claimed content to be made.
type Case = (&'static str, Head, Calls, Option<Excess>, u64);

/// The head of a recording that begins when the connection is open; it takes messages.
fn head(change: impl FnOnce(&mut Head)) -> Head {
    let config = Config::with(|config| {
        config.output.outbox_limit = None;
        config.limits.max_len = 64 << 20;
    });
    let never = u64::MAX;
    let deadlines = Deadlines {
        client_check_ms: never,
        account_check_ms: never,
        housekeeping_ms: never,
        ..Deadlines::default()
    };
    let mut head = Head {
        messages: true,
        settings: crate::conn::Settings::new(&config).noted(),
        begin: Begin { open: Some(Opened { deadlines, ..Opened::default() }), ..Begin::default() },
        ..Head::default()
    };
    change(&mut head);
    head
}

fn opened(head: &mut Head) -> &mut Opened {
    head.begin.open.get_or_insert_default()
}

/// A recording of these calls, each repeated as given, with the results that they have now. From the first
/// call that could not have happened, the given notes stand without results.
fn recording(head: Head, calls: &[(usize, Vec<Note>)]) -> Vec<u8> {
    let mut out = vec![];
    head.write(&mut out);
    let mut driver = Driver::new(&File::read(&out).unwrap()).ok();
    for call in calls.iter().flat_map(|(times, call)| std::iter::repeat_n(call, *times)) {
        let place = call.iter().position(Note::is_given).unwrap();
        let placed: Vec<_> = call.iter().cloned().map(|note| (0, note)).collect();
        match driver.as_mut().map(|driver| driver.play(&placed)) {
            Some(Ok(mut noted)) if call.len() <= MAX_CALL_NOTES => {
                // Inputs are noted as taken, which may be less.
                let given = noted.iter().position(Note::is_given).unwrap();
                noted[given] = call[place].clone();
                noted.iter().for_each(|note| note.write(&mut out));
            }
            Some(_) | None => {
                call.iter().for_each(|note| note.write(&mut out));
                driver = None;
            }
        }
    }
    out
}

fn input(bytes: &[u8], left: u64, discarded: u64) -> Note {
    let bytes = Bytes(bytes.to_vec());
    Note::Input { gathered: 0, frames: 0, left, draining: false, discarded, bytes }
}

fn frame(len: u64, compressed: bool) -> Frame {
    Frame { opcode: Opcode::Binary as u8, compressed, len, packet: None, hash: 0 }
}

/// A message without bytes, and the actions of its handler.
fn call(first: u8, outcome: Outcome) -> Vec<Note> {
    let outcome = Outcome { by_application: true, said: Some(Said::Done {}), ..outcome };
    vec![input(&[first, 0x80, 0, 0, 0, 0], 0, 0), Note::Outcome { outcome }]
}

fn frames(count: usize, len: u64, compressed: bool) -> Vec<Note> {
    call(0x82, Outcome { frames: vec![frame(len, compressed); count], ..Outcome::default() })
}

fn push(len: u64) -> Vec<Note> {
    vec![Note::Push { gathered: u64::MAX, frame: frame(len, false) }]
}

fn answer(seq: u64, len: u64) -> Vec<Note> {
    vec![Note::Answer { seq, answer: Answered::Reply { len, hash: 0 } }]
}

fn inflated(len: u64) -> Vec<Note> {
    let mut notes = call(0xc2, Outcome::default());
    notes.insert(1, Note::Inflated { len, head: Bytes(vec![]), error: None });
    notes
}

/// A message of 64 MiB begins.
fn begun() -> Vec<Note> {
    vec![input(&[0x82, 0xff, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0], 0, 0)]
}

fn closed() -> Vec<Note> {
    vec![Note::Close { reason: Reason::of(Cause::GoingAway) }]
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn the_memory_of_a_replay_is_bounded_by_the_file() {
    let plain = || head(|_| {});
    let deflate = || {
        head(|head| {
            (head.settings.deflate, head.settings.deflate_above) = (1, 0);
            opened(head).deflate = true;
        })
    };
    let owed = || head(|head| opened(head).deferral = Some(Owed { seq: 7, cmd: 1, flag: 2 }));
    let cases: [Case; 17] = [
        ("replies", plain(), vec![(100, frames(20, 60 * MIB, false))], None, 0),
        ("replies in one call", plain(), vec![(1, frames(20_000, 60 * MIB, false))], None, 0),
        ("small replies", plain(), vec![(1, frames(20_000, 1, false))], None, 0),
        ("compressed replies", deflate(), vec![(100, frames(20, 60 * MIB, true))], None, 0),
        ("replies that are compressed now", deflate(), vec![(100, frames(20, 60 * MIB, false))], None, 0),
        ("pushes", plain(), vec![(2000, push(60 * MIB))], None, 0),
        ("answers", owed(), vec![(500, answer(8, 60 * MIB)), (1, answer(7, 64 * MIB))], None, 0),
        (
            "packets that do not fit",
            head(|head| head.settings.drops = true),
            vec![(500, call(0x82, Outcome { failed: u32::MAX, ..Outcome::default() }))],
            None,
            0,
        ),
        (
            "input that waits",
            plain(),
            vec![
                (2000, vec![input(&[], u64::MAX, 0)]),
                (1, vec![input(&[0x8a, 0x80, 0, 0, 0, 0].repeat(5000), 0, 0)]),
            ],
            None,
            0,
        ),
        ("thrown away", plain(), vec![(1, closed()), (3000, vec![input(&[], 0, MIB)])], None, 2),
        ("notes", plain(), vec![(20_000, vec![Note::Timers {}])], None, 0),
        ("zeros in a message", plain(), vec![(1, begun()), (4, vec![input(&[], 0, MIB)])], None, 20),
        ("more of them", plain(), vec![(1, begun()), (5, vec![input(&[], 0, MIB)])], Some(Excess::Total), 20),
        ("inflated", deflate(), vec![(2, inflated(60 * MIB))], None, 120),
        ("inflated too often", deflate(), vec![(3, inflated(60 * MIB))], Some(Excess::Total), 120),
        ("an answer that is too long", owed(), vec![(1, answer(7, 66 * MIB))], Some(Excess::Frame), 0),
        (
            "time",
            plain(),
            vec![(1, vec![Note::Time { ms: u64::MAX }, Note::Timers {}])],
            Some(Excess::Time),
            0,
        ),
    ];
    super::absent::zeros(1);
    for (case, head, calls, expected, made_mib) in cases {
        if cfg!(not(feature = "deflate")) && head.settings.deflate != 0 {
            continue;
        }
        let file = recording(head, &calls);
        let len = file.len() as u64;
        let mut result = None;
        let taken =
            measure(|| result = Some(Recording::read(&file).and_then(|recording| recording.replay())));
        match (result.unwrap(), expected) {
            (Ok(replay), None) => assert_eq!(replay.difference, None, "{case}"),
            (Err(Unreadable::Excess(_, excess)), Some(expected)) => assert_eq!(excess, expected, "{case}"),
            other => panic!("{case}: {other:?}"),
        }
        assert!(taken.bytes_max <= MAX_HELD_BYTES + HELD_PER_BYTE * len, "{case}: {taken:?}");
        let allocated = MAX_ALLOCATED_BYTES + made_mib * MIB + ALLOCATED_PER_BYTE * len;
        assert!(taken.bytes_total <= allocated, "{case}: {taken:?}");
        let mut text = String::new();
        Recording::read(&file).unwrap().show(&mut text).unwrap();
        assert!(text.len() as u64 <= 10_000 + 100 * len, "{case}: {} bytes of text", text.len());
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri takes minutes")]
fn what_cannot_have_been_is_refused_by_its_name() {
    let note = |note: Note| (head(|_| {}), vec![(1, vec![Note::Timers {}]), (1, vec![note])]);
    let calls = |calls: Vec<Vec<Note>>| (head(|_| {}), calls.into_iter().map(|call| (1, call)).collect());
    let long = |head: &mut Head| head.settings.origins = vec![String::new(); MAX_HEAD_BYTES + 1];
    let cases: [((Head, Calls), Excess); 11] = [
        ((head(long), vec![]), Excess::Head),
        ((head(|head| head.settings.max_len = 65 * MIB), vec![]), Excess::MaxLen),
        ((head(|head| head.settings.max_len_before_login = u64::MAX), vec![]), Excess::MaxLen),
        ((head(|head| head.begin.now_ms = u64::MAX), vec![]), Excess::Time),
        (calls(vec![vec![Note::Time { ms: 1 << 39 }, Note::Timers {}]; 2]), Excess::Time),
        (calls(vec![push(65 * MIB + 1)]), Excess::Frame),
        (calls(vec![answer(1, u64::MAX)]), Excess::Frame),
        (calls(vec![frames(1, u64::MAX, true)]), Excess::Frame),
        (calls(vec![inflated(64 * MIB + 1)]), Excess::Inflated),
        (note(input(&[], 0, MIB + 1)), Excess::Discarded),
        (
            (
                head(|_| {}),
                vec![(1, [vec![Note::Outbox { queued: 1 }; MAX_CALL_NOTES], vec![Note::Timers {}]].concat())],
            ),
            Excess::Call,
        ),
    ];
    for ((head, calls), expected) in cases {
        let file = if expected == Excess::Head {
            let mut out = vec![];
            head.write(&mut out);
            out
        } else {
            recording(head, &calls)
        };
        let result = Recording::read(&file).and_then(|recording| recording.replay());
        let Err(refused @ Unreadable::Excess(offset, excess)) = result else {
            panic!("{expected:?}: {result:?}")
        };
        assert_eq!(excess, expected);
        assert!(refused.to_string().starts_with("it claims ") && offset < file.len() as u64, "{refused}");
    }
}
