//! Compression and inflation of messages by the agreement (RFC 7692 §7.2).

use flate2::{Compress, Compression, FlushCompress};

use super::bound;
use super::offer::Agreement;
use crate::frame::Error;
use crate::inflate::{Format, Inflater, Slice};

/// The end of each compressed message, which is left out on the wire (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// The least number of bytes by which output grows.
const STEP_BYTES: usize = 4 * 1024;
/// The number of bytes that a compressor can refer back to.
const WINDOW_BYTES: usize = 32 * 1024;
/// The number of bytes beyond these after which the oldest bytes of a window are dropped.
const SLACK_BYTES: usize = 8 * 1024;
/// The window sizes that flate2 supports, as base-2 logarithms.
const MIN_WINDOW_BITS: u8 = 9;
const MAX_WINDOW_BITS: u8 = 15;
const WINDOWS: usize = (MAX_WINDOW_BITS - MIN_WINDOW_BITS + 1) as usize;

/// The compressors and inflater of all connections whose messages begin with an empty window.
///
/// The output buffer serves all connections. Each part is created on first use.
#[derive(Default)]
pub struct SharedCodecs {
    inflater: Option<Inflater>,
    compressors: [Option<Compress>; WINDOWS],
    compressed: Vec<u8>,
}

/// The compressor of one message that is compressed slice by slice with an empty window. It is created on
/// first use.
#[derive(Debug, Default)]
pub struct Window(Option<Box<Compress>>);

/// The state of one connection: its windows, if they are kept from message to message.
pub struct Deflate {
    agreement: Agreement,
    /// The last bytes of the client's messages, to which its next message can refer back.
    pub(super) window: Vec<u8>,
    compressor: Option<Box<Compress>>,
    /// Whether messages wait to be compressed slice by slice.
    is_busy: bool,
}

impl std::fmt::Debug for Deflate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deflate").field("agreement", &self.agreement).finish_non_exhaustive()
    }
}

impl Deflate {
    /// The state of a new connection; `None` only without the feature `deflate`.
    pub fn new(agreement: Agreement) -> Option<Self> {
        Some(Deflate { agreement, window: Vec::new(), compressor: None, is_busy: false })
    }

    /// The bytes to which the client's next message can refer back, at most 32 KiB.
    pub(crate) fn window(&self) -> &[u8] {
        self.window.get(self.window.len().saturating_sub(WINDOW_BYTES)..).unwrap_or_default()
    }

    /// Adds an inflated message of the client to the window, unless the agreement says that each begins with
    /// an empty one.
    pub(crate) fn remember(&mut self, message: &[u8]) {
        if self.agreement.client_no_context_takeover {
            return;
        }
        let message = message.get(message.len().saturating_sub(WINDOW_BYTES)..).unwrap_or_default();
        let len = self.window.len() + message.len();
        if len > WINDOW_BYTES + SLACK_BYTES {
            self.window.drain(..(len - WINDOW_BYTES).min(self.window.len()));
        }
        if self.window.capacity() - self.window.len() < message.len() {
            // Allocate the whole window as soon as it holds more than a little.
            let capacity = if len < SLACK_BYTES { SLACK_BYTES } else { WINDOW_BYTES + SLACK_BYTES };
            self.window.reserve_exact(capacity - self.window.len());
        }
        self.window.extend_from_slice(message);
    }

    /// Inflates the `payload` of one message in one step; the result replaces the contents of `out`.
    ///
    /// # Errors
    /// [`Error::TooBig`] as soon as the result is longer than `max_len`; [`Error::BadDeflate`] if the payload
    /// is corrupt.
    pub fn inflate(
        &mut self,
        payload: &[u8],
        out: &mut Vec<u8>,
        max_len: usize,
        shared: &mut SharedCodecs,
    ) -> Result<(), Error> {
        out.clear();
        let inflater = shared.inflater.get_or_insert_with(Inflater::new);
        inflater.begin(Format::Message, self.window());
        let mut taken = 0;
        while inflater.slice(payload, &mut taken, out, self.window(), max_len)? == Slice::Unfinished {}
        self.remember(out);
        Ok(())
    }

    /// Compresses the message that consists of `parts`, in one step.
    pub fn compress<'s>(&mut self, parts: &[&[u8]], shared: &'s mut SharedCodecs) -> &'s [u8] {
        let bits = self.window_bits();
        let SharedCodecs { compressors, compressed, .. } = shared;
        compressed.clear();
        let slot = compressors.get_mut(usize::from(bits.saturating_sub(MIN_WINDOW_BITS)));
        let compressor = match slot {
            Some(slot) if !self.is_dedicated() => {
                let compressor = slot.get_or_insert_with(|| compressor(bits));
                compressor.reset();
                compressor
            }
            _ => self.compressor.get_or_insert_with(|| Box::new(compressor(bits))),
        };
        for (index, part) in parts.iter().enumerate() {
            let is_last = index + 1 == parts.len();
            let flush = if is_last { FlushCompress::Sync } else { FlushCompress::None };
            push_compressed(compressor, part, flush, compressed);
        }
        end_message(compressed, 0);
        compressed
    }

    /// Whether messages refer back to earlier ones, so that they must be compressed in the order in which
    /// they are sent.
    pub fn is_dedicated(&self) -> bool {
        !self.agreement.server_no_context_takeover
    }

    /// Sets whether messages wait to be compressed slice by slice.
    pub fn set_busy(&mut self, is_busy: bool) {
        self.is_busy = is_busy;
    }

    /// Whether messages wait that have to be compressed before others.
    pub fn is_busy(&self) -> bool {
        self.is_busy && self.is_dedicated()
    }

    /// Compresses the next slice of a message, and appends the result to `out`, in which the message begins
    /// at `begin`.
    ///
    /// If messages refer back to earlier ones, nothing else may be compressed before the last slice.
    /// Otherwise the message needs its own `window`.
    pub fn compress_slice(
        &mut self,
        window: &mut Window,
        slice: &[u8],
        is_last: bool,
        out: &mut Vec<u8>,
        begin: usize,
    ) {
        let bits = self.window_bits();
        let place = if self.is_dedicated() { &mut self.compressor } else { &mut window.0 };
        let compressor = place.get_or_insert_with(|| Box::new(compressor(bits)));
        let flush = if is_last { FlushCompress::Sync } else { FlushCompress::None };
        push_compressed(compressor, slice, flush, out);
        if is_last {
            end_message(out, begin);
        }
    }

    /// The base-2 logarithm of the window of the compressor.
    fn window_bits(&self) -> u8 {
        self.agreement.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS)
    }
}

fn compressor(window_bits: u8) -> Compress {
    Compress::new_with_window_bits(Compression::fast(), false, window_bits)
}

/// Ends a message whose compressed form begins at `begin`: removes its tail.
fn end_message(out: &mut Vec<u8>, begin: usize) {
    let form = out.get(begin..).unwrap_or_default();
    if form.ends_with(&TAIL) {
        out.truncate(out.len() - TAIL.len());
    }
    if out.len() <= begin {
        // An empty message: a flush right after another one produces nothing (§7.2.3.6).
        out.push(0);
    }
}

/// Compresses `input`, and appends the result.
fn push_compressed(compressor: &mut Compress, mut input: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
    loop {
        out.reserve(bound(input.len()).max(STEP_BYTES));
        let before = compressor.total_in();
        let written = out.len();
        let failed = compressor.compress_vec(input, out, flush).is_err();
        let read = usize::try_from(compressor.total_in() - before).unwrap_or(usize::MAX);
        input = input.get(read..).unwrap_or_default();
        // A call that does not fill the output has nothing more to write.
        if failed || (input.is_empty() && out.len() < out.capacity()) || (read == 0 && out.len() == written) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn agreements() -> impl Strategy<Value = Agreement> {
        (any::<bool>(), any::<bool>(), prop::option::of(9u8..=15)).prop_map(|(server, client, bits)| {
            Agreement {
                server_no_context_takeover: server,
                client_no_context_takeover: client,
                server_max_window_bits: bits,
            }
        })
    }

    /// The agreement from the other side: it inflates by `client_*` what this one compresses by `server_*`.
    fn mirrored(agreement: Agreement) -> Agreement {
        Agreement { client_no_context_takeover: agreement.server_no_context_takeover, ..agreement }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn compressed_messages_inflate_to_the_same(
            agreement in agreements(),
            messages in prop::collection::vec(
                (prop::collection::vec(any::<u8>(), 0..200), 1..100usize, 0..20usize), 1..6),
        ) {
            let mut ours = Deflate::new(agreement).unwrap();
            let mut theirs = Deflate::new(mirrored(agreement)).unwrap();
            let (mut shared, mut their_shared) = (SharedCodecs::default(), SharedCodecs::default());
            for (seed, repeat, split) in messages {
                let message = seed.repeat(repeat);
                let (head, tail) = message.split_at(split.min(message.len()));
                let compressed = ours.compress(&[head, tail], &mut shared).to_vec();
                prop_assert!(compressed.len() <= bound(message.len()));
                let mut inflated = vec![];
                let result = theirs.inflate(&compressed, &mut inflated, message.len(), &mut their_shared);
                prop_assert_eq!(result, Ok(()));
                prop_assert_eq!(inflated, message);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        #[cfg_attr(miri, ignore = "Miri takes minutes")]
        fn messages_compressed_in_slices_inflate_to_the_same(
            agreement in agreements(),
            messages in prop::collection::vec(
                (prop::collection::vec(any::<u8>(), 0..200), 1..300usize, 1..20_000usize), 1..5),
        ) {
            let mut ours = Deflate::new(agreement).unwrap();
            let mut theirs = Deflate::new(mirrored(agreement)).unwrap();
            let (mut shared, mut their_shared) = (SharedCodecs::default(), SharedCodecs::default());
            for (seed, repeat, slice_bytes) in messages {
                let message = seed.repeat(repeat);
                let (mut window, mut out) = (Window::default(), vec![7]);
                let mut rest = &message[..];
                loop {
                    let (slice, more) = rest.split_at(slice_bytes.min(rest.len()));
                    rest = more;
                    ours.compress_slice(&mut window, slice, rest.is_empty(), &mut out, 1);
                    if rest.is_empty() {
                        break;
                    }
                    if !ours.is_dedicated() {
                        // Messages of other connections, which are compressed in one step meanwhile.
                        ours.compress(&[b"another"], &mut shared);
                    }
                }
                prop_assert!(out[0] == 7 && (2..bound(message.len()) + 2).contains(&out.len()));
                let mut inflated = vec![];
                let result = theirs.inflate(&out[1..], &mut inflated, message.len(), &mut their_shared);
                prop_assert_eq!(result, Ok(()));
                prop_assert_eq!(&inflated, &message);
                // A message that is compressed in one step continues with the same windows.
                let next = ours.compress(&[b"next", &seed], &mut shared).to_vec();
                prop_assert_eq!(theirs.inflate(&next, &mut inflated, 1000, &mut their_shared), Ok(()));
                prop_assert_eq!(&inflated[4..], &seed);
            }
        }
    }

    const DEDICATED: Agreement = Agreement {
        server_no_context_takeover: false,
        client_no_context_takeover: false,
        server_max_window_bits: None,
    };

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        let (mut ours, mut theirs) = (Deflate::new(DEDICATED).unwrap(), Deflate::new(DEDICATED).unwrap());
        let bomb = ours.compress(&[&vec![0; 20 << 20]], &mut SharedCodecs::default()).to_vec();
        assert!(bomb.len() < 1 << 20);
        let mut out = vec![];
        let result = theirs.inflate(&bomb, &mut out, 512 << 10, &mut SharedCodecs::default());
        assert_eq!(result, Err(Error::TooBig));
        assert!(out.capacity() <= (512 << 10) + 1, "{}", out.capacity());
    }

    #[test]
    fn the_examples_of_the_rfc_are_inflated() {
        // RFC 7692 §7.2.3.1, §7.2.3.2 (with the window of the first), §7.2.3.3, §7.2.3.4, §7.2.3.5, §7.2.3.6.
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
        let stored = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
        let with_final_block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        let two_blocks = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
        let mut theirs = Deflate::new(DEDICATED).unwrap();
        let mut shared = SharedCodecs::default();
        let cases: [(&[u8], &[u8]); 6] = [
            (&hello, b"Hello"),
            (&again, b"Hello"),
            (&stored, b"Hello"),
            (&two_blocks, b"Hello"),
            (&[0x00], b""),
            (&with_final_block, b"Hello"),
        ];
        for (payload, expected) in cases {
            let mut out = vec![];
            assert_eq!(theirs.inflate(payload, &mut out, 5, &mut shared), Ok(()), "{payload:02x?}");
            assert_eq!(out, expected, "{payload:02x?}");
        }
    }

    #[test]
    fn garbage_is_refused() {
        for payload in [&[0xff; 20][..], &[0x07, 0x07], &[0xf2, 0x48, 0xff, 0xff, 0xff, 0xff, 0xff]] {
            let mut out = vec![];
            let result = Deflate::new(DEDICATED).unwrap().inflate(
                payload,
                &mut out,
                1 << 20,
                &mut SharedCodecs::default(),
            );
            assert_eq!(result, Err(Error::BadDeflate), "{payload:02x?}");
        }
    }
}
