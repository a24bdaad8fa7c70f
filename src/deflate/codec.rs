//! Compression and inflation of messages by the agreement (RFC 7692 §7.2).

use super::client_window::ClientWindow;
use super::compressor::{Compressor, Setting};
use super::offer::Agreement;
use crate::frame::Error;
use crate::inflate::{Format, Inflater, Slice};

/// The window sizes that are supported, as base-2 logarithms.
const MIN_WINDOW_BITS: u8 = 9;
const MAX_WINDOW_BITS: u8 = 15;
const WINDOWS: usize = (MAX_WINDOW_BITS - MIN_WINDOW_BITS + 1) as usize;

/// The compressors and inflater of all connections whose messages begin with an empty window.
///
/// The output buffer serves all connections. Each part is created on first use. All connections have the same
/// level.
#[derive(Default)]
pub struct SharedCodecs {
    inflater: Option<Inflater>,
    compressors: [Option<Compressor>; WINDOWS],
    compressed: Vec<u8>,
}

/// The compressor of one message that is compressed slice by slice with an empty window. It is created on
/// first use.
#[derive(Debug, Default)]
pub struct Window(Option<Box<Compressor>>);

/// The state of one connection: its windows, if they are kept from message to message.
pub struct Deflate {
    agreement: Agreement,
    level: u8,
    /// Messages wait to be compressed slice by slice.
    is_busy: bool,
    /// A message was compressed, or came compressed, since housekeeping last looked.
    is_used: bool,
    client: ClientWindow,
    compressor: Option<Box<Compressor>>,
}

impl std::fmt::Debug for Deflate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deflate").field("agreement", &self.agreement).finish_non_exhaustive()
    }
}

impl Deflate {
    /// The state of a new connection; `None` only without the feature `deflate`. Messages are compressed with
    /// `level`, 1 to 6.
    pub fn new(agreement: Agreement, level: u8) -> Option<Self> {
        let window_bytes = match agreement.client_no_context_takeover {
            true => 0,
            false => 1 << agreement.client_max_window_bits.unwrap_or(MAX_WINDOW_BITS).min(MAX_WINDOW_BITS),
        };
        Some(Deflate {
            agreement,
            level,
            is_busy: false,
            is_used: false,
            client: ClientWindow::new(window_bytes),
            compressor: None,
        })
    }

    /// The bytes to which the client's next message can refer back, at most 32 KiB.
    pub(crate) fn window(&self) -> &[u8] {
        self.client.get()
    }

    /// Adds an inflated message of the client to the window, unless the agreement says that each begins with
    /// an empty one.
    pub(crate) fn remember(&mut self, message: &[u8]) {
        self.is_used = true;
        self.client.remember(message);
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
        self.is_used = true;
        let setting = self.setting();
        let SharedCodecs { compressors, compressed, .. } = shared;
        compressed.clear();
        let slot = compressors.get_mut(usize::from(setting.window_bits.saturating_sub(MIN_WINDOW_BITS)));
        let compressor = match slot {
            Some(slot) if !setting.is_dedicated => {
                let compressor = slot.get_or_insert_with(|| Compressor::new(setting));
                compressor.forget();
                compressor
            }
            _ => self.compressor.get_or_insert_with(|| Box::new(Compressor::new(setting))),
        };
        compressor.push(parts, true, compressed, 0);
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
        self.is_used = true;
        let setting = self.setting();
        let place = if setting.is_dedicated { &mut self.compressor } else { &mut window.0 };
        let compressor = place.get_or_insert_with(|| Box::new(Compressor::new(setting)));
        compressor.push(&[slice], is_last, out, begin);
    }

    /// How many bytes at level 1 take as long as one byte at this level, in the worst case.
    pub(crate) fn effort(&self) -> usize {
        super::effort(self.level)
    }

    /// The cost of a message beside its bytes, in bytes at level 1, in the worst case.
    pub(crate) fn message_effort(&self) -> usize {
        super::message_effort(self.level)
    }

    /// Housekeeping: if no message has passed since the last call, frees all but what the client's next
    /// message can refer back to. The server's next message refers back to nothing.
    pub fn trim(&mut self) {
        if !std::mem::take(&mut self.is_used) && !self.is_busy {
            self.compressor = None;
            self.client.trim();
        }
    }

    fn setting(&self) -> Setting {
        let window_bits = self.agreement.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS);
        Setting { level: self.level, window_bits, is_dedicated: self.is_dedicated() }
    }
}
