//! The client that is watched.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::loads::wire::{ECHO, UPGRADE, packet};

/// Between two requests.
pub(crate) const PACE: Duration = Duration::from_millis(1);
const REQUEST_BYTES: usize = 64;

pub(crate) trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// The client that is watched.
pub(crate) struct Victim {
    stream: Box<dyn Stream>,
    request: Vec<u8>,
}

impl Victim {
    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        let mut victim = Victim { stream: Box::new(stream), request: packet(ECHO, &[7; REQUEST_BYTES]) };
        victim.stream.write_all(UPGRADE).unwrap();
        let mut head = vec![];
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            victim.stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "));
        victim
    }

    /// Asks for so long: how long it waited for each reply, in nanoseconds.
    pub(crate) fn ask(&mut self, slice: Duration, waits: &mut Vec<u64>) {
        // The two bytes of the frame, and the longer header of the packet.
        let mut reply = [0; 2 + 11 + REQUEST_BYTES];
        let began = Instant::now();
        while began.elapsed() < slice {
            let asked = Instant::now();
            self.stream.write_all(&self.request).unwrap();
            self.stream.read_exact(&mut reply).unwrap();
            let waited = asked.elapsed();
            waits.push(u64::try_from(waited.as_nanos()).unwrap());
            thread::sleep(PACE.saturating_sub(waited));
        }
    }
}
