//! The client that is watched.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use sysconn::client::{Client, Offer};

use crate::loads::wire::ECHO;

/// Between two requests.
pub(crate) const PACE: Duration = Duration::from_millis(1);
const REQUEST: [u8; 64] = [7; 64];

pub(crate) trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// The client that is watched.
pub(crate) struct Victim(Client<Box<dyn Stream>>);

impl Victim {
    pub(crate) fn over(stream: impl Stream + 'static) -> Self {
        let url = "ws://localhost".parse().unwrap();
        Victim(Client::over(Box::new(stream) as Box<dyn Stream>, &url, &Offer::default()).unwrap())
    }

    /// Asks for so long: how long it waited for each reply, in nanoseconds.
    pub(crate) fn ask(&mut self, slice: Duration, waits: &mut Vec<u64>) {
        let began = Instant::now();
        while began.elapsed() < slice {
            let asked = Instant::now();
            self.0.call(ECHO, &REQUEST).unwrap();
            let waited = asked.elapsed();
            waits.push(u64::try_from(waited.as_nanos()).unwrap());
            thread::sleep(PACE.saturating_sub(waited));
        }
    }
}
