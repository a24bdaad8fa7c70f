//! Recordings that are full, cut off, or cannot be written.

use std::fs;
use std::path::Path;

use sysconn::replay::{End, Recording};
use sysconn::{BindError, Reactor, config};

use crate::common::{self, Client, Game, ROUTER, Server, join, still_serves, with};
use crate::recorded::{Directory, record, replay};

#[test]
fn a_recording_is_bounded_and_marked_full() {
    for limit in [16 * 1024, 40_000] {
        let file = record(
            |config| config.recording.as_mut().unwrap().limit = limit,
            |server| {
                let mut client = Client::connect(server.address);
                (0..100).for_each(|_| client.echo(&[1; 1000]));
                client.close();
            },
        );
        assert!(file.len() <= limit && file.len() > limit - 2000, "{} of {limit}", file.len());
        let replay = replay(&file);
        assert_eq!((replay.difference.clone(), replay.end), (None, End::Full), "{replay}");
        assert!(replay.to_string().contains("the recording is full"), "{replay}");
    }
}

#[test]
fn a_truncated_recording_is_replayed_as_far_as_it_goes() {
    let file = record(
        |_| {},
        |server| {
            let mut client = Client::connect(server.address);
            (0..3).for_each(|_| client.echo(b"hello"));
            client.close();
        },
    );
    let head = (0..file.len()).find(|&end| Recording::read(&file[..end]).is_ok()).unwrap();
    for end in head..file.len() {
        let cut = replay(&file[..end]);
        assert_eq!(cut.difference, None, "cut at {end}");
        let End::Cut(at) = cut.end else { panic!("cut at {end}: {cut}") };
        assert!(at <= end as u64, "cut at {end}: {cut}");
        // A file system may have allocated space that was never written.
        let zeros = join(&[&file[..end], &[0; 4096]]);
        if file[end - 1] != 0 {
            assert_eq!(replay(&zeros), cut, "zeros from {end} on");
        } else {
            // If a note ends in zeros, its end cannot be determined.
            let filled = replay(&zeros);
            assert_eq!(filled.difference, None, "zeros from {end} on");
            assert!(matches!(filled.end, End::Cut(before) if before <= at), "zeros from {end} on: {filled}");
        }
    }
}

#[test]
fn clients_are_served_although_the_directory_is_removed() {
    let directory = Directory::new();
    let server = Server::packets(&directory.config());
    let mut client = Client::connect(server.address);
    fs::remove_dir_all(&directory.0).unwrap();
    (0..50).for_each(|_| client.echo(&[1; 1000]));
    still_serves(server.address);
    client.close();
}

#[test]
fn a_path_that_is_no_directory_is_refused_at_once() {
    for path in ["/dev/null", "/no/such/directory"] {
        let config = with(common::config(), |config| config.recording = Some(config::Recording::new(path)));
        let refused = Reactor::bind(&config, &ROUTER, Game::new(std::sync::mpsc::channel().0));
        assert!(matches!(refused.err(), Some(BindError::Record(at, _)) if at == Path::new(path)));
    }
}
