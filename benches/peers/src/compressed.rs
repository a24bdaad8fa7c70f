//! JSON as a game sends it, compressed as permessage-deflate (RFC 7692) has it, and the codec alone.

use std::time::{Duration, Instant};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use crate::Result;
use crate::server::own_cpu_time;
use crate::wire::{masked_frame, masked_frame_of};

/// What a compressed message lacks at its end.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// Different messages, after which the first comes again: more than a window holds, and a prime number, so
/// that no connection meets one again too early.
const MESSAGES: u64 = 509;
/// Messages that a connection of [`codec_alone`] has at a time, as many as are in flight.
const IN_FLIGHT: usize = 16;

/// States of a game of about `size` bytes each, the same in each run.
fn states(size: usize) -> Vec<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(size as u64);
    let state = |tick: u64| {
        let mut text = format!("{{\"tick\":{},\"players\":[", 100_000 + tick);
        let mut separator = "";
        while text.len() + 60 < size {
            text += &format!(
                "{separator}{{\"id\":{},\"x\":{:.2},\"y\":{:.2},\"hp\":{},\"state\":\"running\"}}",
                random.u32(1000..1100),
                random.f32() * 1000.0,
                random.f32() * 1000.0,
                random.u32(10..100),
            );
            separator = ",";
        }
        text += "],\"end\":\"";
        while text.len() + 2 < size {
            text.push(random.alphabetic());
        }
        (text + "\"}").into_bytes()
    };
    (0..MESSAGES).map(state).collect()
}

/// The frames that send these states, compressed or not.
pub fn requests(size: usize, compresses: bool) -> Vec<Vec<u8>> {
    let mut codec = Codec::new();
    let frame = |state: &Vec<u8>| {
        if compresses { masked_frame_of(0xc2, codec.compress(state, false)) } else { masked_frame(state) }
    };
    states(size).iter().map(frame).collect()
}

/// Whether the payload of a reply is the first of these states.
pub fn is_first_state(size: usize, payload: &[u8], is_compressed: bool) -> bool {
    let first = states(size).swap_remove(0);
    if is_compressed { Codec::new().inflate(payload, false) == first } else { payload == first }
}

/// The two directions of one connection, or of all if no window is kept.
struct Codec {
    compress: Compress,
    inflate: Decompress,
    compressed: Vec<u8>,
    inflated: Vec<u8>,
}

impl Codec {
    fn new() -> Codec {
        let (compress, inflate) = (Compress::new(Compression::fast(), false), Decompress::new(false));
        Codec { compress, inflate, compressed: Vec::with_capacity(8192), inflated: Vec::with_capacity(8192) }
    }

    fn compress(&mut self, message: &[u8], keeps_window: bool) -> &[u8] {
        if !keeps_window {
            self.compress.reset();
        }
        self.compressed.clear();
        let _ = self.compress.compress_vec(message, &mut self.compressed, FlushCompress::Sync);
        self.compressed.strip_suffix(&TAIL).unwrap_or(&self.compressed)
    }

    fn inflate(&mut self, payload: &[u8], keeps_window: bool) -> &[u8] {
        if !keeps_window {
            self.inflate.reset(false);
        }
        self.inflated.clear();
        for part in [payload, &TAIL] {
            let _ = self.inflate.decompress_vec(part, &mut self.inflated, FlushDecompress::Sync);
        }
        &self.inflated
    }
}

/// The CPU time of inflating a message and compressing it again, in nanoseconds: what any server with this
/// codec (flate2 with zlib-rs, level 1) has to do beside an echo.
pub struct CodecAlone {
    messages: Vec<(Vec<u8>, Vec<u8>)>,
    codecs: Vec<Codec>,
    keeps_windows: bool,
    next: usize,
}

impl CodecAlone {
    /// With windows for each of `clients`, or one codec for all.
    pub fn new(size: usize, clients: usize, keeps_windows: bool) -> CodecAlone {
        let mut codec = Codec::new();
        let compress = |state: Vec<u8>| (codec.compress(&state, false).to_vec(), state);
        let messages = states(size).into_iter().map(compress).collect();
        let codecs = (0..if keeps_windows { clients } else { 1 }).map(|_| Codec::new()).collect();
        CodecAlone { messages, codecs, keeps_windows, next: 0 }
    }

    /// Nanoseconds for each message.
    pub fn slice(&mut self, slice: Duration) -> Result<f64> {
        let (begin, cpu, mut count) = (Instant::now(), own_cpu_time()?, 0);
        while begin.elapsed() < slice {
            for codec in &mut self.codecs {
                for _ in 0..IN_FLIGHT {
                    let (compressed, state) = &self.messages[self.next % self.messages.len()];
                    if codec.inflate(compressed, self.keeps_windows).len() != state.len() {
                        return Err("a state does not inflate".into());
                    }
                    codec.compress(state, self.keeps_windows);
                    (self.next, count) = (self.next + 1, count + 1);
                }
            }
        }
        Ok((own_cpu_time()? - cpu).as_secs_f64() * 1e9 / f64::from(count))
    }
}
