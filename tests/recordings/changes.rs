//! Recordings from the repository, changed recordings, and files that are no recordings.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use sysconn::replay::Recording;

use crate::common::{Client, UPGRADE, packet};
use crate::hostile::hostile;
use crate::recorded::{check, record, replay, send_session};

/// The recordings in the repository, with their names.
fn committed() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rec"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn committed_recordings_replay_without_a_difference() {
    if std::env::var_os("SYSCONN_RECORD_AGAIN").is_some() {
        make_the_recordings_of_the_repository();
    }
    let files = committed();
    assert!(files.len() >= 20, "{} recordings", files.len());
    for (name, file) in files {
        check(&file, &name);
    }
}

/// With `SYSCONN_RECORD_AGAIN=1` the recordings in the repository are made anew first: only for a new version
/// of the format.
fn make_the_recordings_of_the_repository() {
    for (name, bytes) in hostile() {
        let file = record(|_| {}, |server| send_session(server, UPGRADE, &bytes, usize::MAX));
        if file.len() > 16 * 1024 {
            continue;
        }
        let name = name.replace([' ', '^'], "-");
        fs::write(format!("{}/tests/recordings/{name}.rec", env!("CARGO_MANIFEST_DIR")), file).unwrap();
    }
}

#[test]
fn the_first_difference_is_shown() {
    let file = record(
        |_| {},
        |server| {
            let mut client = Client::connect(server.address);
            client.echo(b"the first");
            client.send_packet(1102, 7, b"the second");
            client.send_packet(1101, 8, b"");
            client.reply();
            client.send(&[0xc2, 0x80, 1, 2, 3, 4]);
            client.expect_close(1002, "a reserved bit");
        },
    );
    // Bytes of a client that are taken for others, what was recorded, and what comes of the others.
    let cases: [(&[u8], &[u8], &str, &str); 4] = [
        (&[0xc2, 0x80], &[0x82, 0x80], "a close 1002: a reserved bit is set", "a close 4000: short packet"),
        (
            &packet(1102, 7, b"the second"),
            &packet(4242, 7, b"the second"),
            "a packet 1102 of",
            "a packet 4242 of",
        ),
        (
            &packet(1102, 7, b"the second"),
            &packet(1101, 7, b"the second"),
            "a packet 1102 of 10 bytes",
            "a packet 1101 of 10 bytes",
        ),
        (
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Version: 12",
            "the application accepts it",
            "a response 426",
        ),
    ];
    for (before, after, recorded, now) in cases {
        let places: Vec<_> = (0..file.len()).filter(|&at| file[at..].starts_with(before)).collect();
        let at = *places.last().unwrap();
        let mut tampered = file.clone();
        tampered[at..at + after.len()].copy_from_slice(after);
        let replay = replay(&tampered);
        let difference = replay.difference.clone().expect("a difference");
        assert!(difference.recorded.contains(recorded), "{difference}");
        assert!(difference.now.contains(now), "{difference}");
        assert!(replay.to_string().starts_with("at ") && replay.to_string().contains(", byte "), "{replay}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_a_recording_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Recording::read(&bytes);
        let begun = [&b"\x93sysconn\r\n\x03"[..], &bytes].concat();
        let _ = Recording::read(&begun);
    }

    #[test]
    fn a_damaged_recording_is_replayed_or_refused(
        which in any::<prop::sample::Index>(),
        spoilt in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let files = committed();
        let (_, mut file) = files[which.index(files.len())].clone();
        for (at, byte) in spoilt {
            let at = at.index(file.len());
            file[at] = byte;
        }
        let taken = allocation_counter::measure(|| {
            if let Ok(recording) = Recording::read(&file) {
                let _ = recording.replay();
                let _ = recording.show(&mut String::new());
            }
        });
        // As docs/recording.md says.
        assert!(taken.bytes_max <= (256 << 20) + 100 * file.len() as u64, "{taken:?}");
    }
}
