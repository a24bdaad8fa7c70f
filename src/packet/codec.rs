//! DataStatus: what stands between Data on the wire and Data in a handler's hands.

use super::DataStatus;
use crate::id::ConnectionId;
use crate::inflate::Fault;

/// Data that cannot be decoded: the client is closed with 4001.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecodable {
    // In the order of their numbers in recordings: new ones go to the end, and into `ALL`.
    /// DataStatus is above 2.
    UnknownStatus,
    /// The zlib stream is broken, cut, followed by other bytes, or needs a preset dictionary.
    Zlib,
    /// The inflated or decrypted Data would pass the message limit.
    TooLong,
    /// Data is encrypted and no cipher is installed, or the cipher does not accept it.
    Cipher,
    /// Data is compressed and the library was built without the feature `zlib`.
    NoZlib,
    /// A typed route's message does not parse.
    Message,
}

impl Undecodable {
    /// All of them, each at the place that is its number in recordings.
    pub(crate) const ALL: [Undecodable; 6] = [
        Undecodable::UnknownStatus,
        Undecodable::Zlib,
        Undecodable::TooLong,
        Undecodable::Cipher,
        Undecodable::NoZlib,
        Undecodable::Message,
    ];
}

impl From<Fault> for Undecodable {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Broken => Undecodable::Zlib,
            Fault::TooLong => Undecodable::TooLong,
        }
    }
}

/// What a typed route decodes Data into; protobuf messages implement it in one line.
pub trait Decode: Sized {
    /// Reads a value from Data.
    ///
    /// # Errors
    /// [`Undecodable`] if Data is not such a value: the client is closed with 4001.
    fn decode(data: &[u8]) -> Result<Self, Undecodable>;
}

/// DataStatus 2: encryption as the game defines it. One cipher serves all connections of a reactor.
pub trait Cipher: Send {
    /// Appends the plain text of `data` to `plain`, which is empty.
    ///
    /// # Errors
    /// [`Undecodable`] if `data` is not what this connection's client can have encrypted.
    fn decrypt(
        &mut self,
        connection: ConnectionId,
        data: &[u8],
        plain: &mut Vec<u8>,
    ) -> Result<(), Undecodable>;

    /// Appends the encrypted form of `plain` to `data`, which is empty.
    fn encrypt(&mut self, connection: ConnectionId, plain: &[u8], data: &mut Vec<u8>);
}

/// Results that a recording holds of decoding and compressing, since it does not hold what these worked on.
pub(crate) trait RecordedCodec: Send {
    /// Puts as many bytes into `out` as Data was decoded to. None: this Data can be decoded again.
    fn decode(&mut self, out: &mut Vec<u8>) -> Option<Result<(), Undecodable>>;

    /// The number of bytes to which Data was compressed, if that made it shorter.
    fn compressed_len(&mut self) -> Option<usize>;
}

/// What decodes and encrypts Data of DataStatus 2.
enum Source {
    Cipher(Option<Box<dyn Cipher>>),
    /// In a replay.
    Recorded(Box<dyn RecordedCodec>),
}

/// The decoders and encoders of one reactor, with the buffers that they reuse.
#[derive(Default)]
pub struct Codecs {
    source: Source,
    #[cfg(feature = "zlib")]
    zlib: zlib::Zlib,
}

/// Capacity that the buffers keep between packets, in bytes.
const KEPT_BYTES: usize = 64 * 1024;

impl Codecs {
    /// Codecs with this cipher for DataStatus 2, or with none.
    #[must_use]
    pub fn new(cipher: Option<Box<dyn Cipher>>) -> Self {
        Codecs { source: Source::Cipher(cipher), ..Codecs::default() }
    }

    /// Codecs of a replay.
    pub(crate) fn recorded(recorded: Box<dyn RecordedCodec>) -> Self {
        Codecs { source: Source::Recorded(recorded), ..Codecs::default() }
    }

    /// Data as the handler gets it, decoded at once. Empty Data is never decoded; raw Data is not copied; all else
    /// replaces what is in `buffer`.
    ///
    /// # Errors
    /// Why it cannot be decoded to at most `max_len` bytes.
    pub fn decode<'a>(
        &mut self,
        connection: ConnectionId,
        status: u8,
        data: &'a [u8],
        buffer: &'a mut Vec<u8>,
        max_len: usize,
    ) -> Result<&'a [u8], Undecodable> {
        if data.is_empty() {
            return Ok(data);
        }
        if let Source::Recorded(recorded) = &mut self.source
            && let Some(result) = recorded.decode(buffer)
        {
            return result.map(|()| &buffer[..]);
        }
        let status = DataStatus::from_byte(status).ok_or(Undecodable::UnknownStatus)?;
        if status == DataStatus::Raw {
            return Ok(data);
        }
        buffer.clear();
        buffer.shrink_to(KEPT_BYTES);
        if status == DataStatus::Compressed {
            self.inflate(data, buffer, max_len)?;
        } else {
            let Source::Cipher(Some(cipher)) = &mut self.source else { return Err(Undecodable::Cipher) };
            cipher.decrypt(connection, data, buffer)?;
        }
        if buffer.len() > max_len { Err(Undecodable::TooLong) } else { Ok(buffer) }
    }

    /// Puts `plain` in encrypted form into `out`, in place of what is there. False if no cipher is installed.
    pub(crate) fn encrypt(&mut self, connection: ConnectionId, plain: &[u8], out: &mut Vec<u8>) -> bool {
        let Source::Cipher(Some(cipher)) = &mut self.source else { return false };
        out.clear();
        out.shrink_to(KEPT_BYTES);
        cipher.encrypt(connection, plain, out);
        true
    }

    #[cfg(feature = "zlib")]
    fn inflate(&mut self, data: &[u8], out: &mut Vec<u8>, max_len: usize) -> Result<(), Undecodable> {
        self.zlib.inflate(data, out, max_len)
    }

    #[cfg(not(feature = "zlib"))]
    fn inflate(&mut self, _data: &[u8], _out: &mut Vec<u8>, _max_len: usize) -> Result<(), Undecodable> {
        Err(Undecodable::NoZlib)
    }

    /// Puts `plain` as a zlib stream into `out`, in place of what is there. False where that would not be
    /// shorter or can't be made.
    #[cfg(feature = "zlib")]
    pub(crate) fn compress(&mut self, plain: &[u8], out: &mut Vec<u8>) -> bool {
        out.clear();
        out.shrink_to(KEPT_BYTES);
        if let Source::Recorded(recorded) = &mut self.source {
            let len = recorded.compressed_len();
            out.resize(len.unwrap_or_default().min(plain.len()), 0);
            return len.is_some();
        }
        self.zlib.compress(plain, out)
    }

    /// Without the feature `zlib` nothing is compressed.
    #[cfg(not(feature = "zlib"))]
    pub(crate) fn compress(&mut self, _plain: &[u8], _out: &mut Vec<u8>) -> bool {
        false
    }
}

impl Default for Source {
    fn default() -> Self {
        Source::Cipher(None)
    }
}

#[cfg(feature = "zlib")]
mod zlib {
    //! RFC 1950 through flate2, with the bound that a public gateway needs.

    use flate2::{Compress, Compression, FlushCompress, Status};

    use super::Undecodable;
    use crate::inflate::{Format, Inflater, Slice};

    /// One inflater and one compressor, made when first used: each holds tens of kilobytes.
    #[derive(Default)]
    pub(super) struct Zlib {
        inflater: Option<Inflater>,
        compressor: Option<Compress>,
    }

    impl Zlib {
        /// Appends the inflated `data` to the empty `out`; never holds much more than `max_len`.
        pub(super) fn inflate(
            &mut self,
            data: &[u8],
            out: &mut Vec<u8>,
            max_len: usize,
        ) -> Result<(), Undecodable> {
            let inflater = self.inflater.get_or_insert_with(Inflater::new);
            inflater.begin(Format::Zlib, &[]);
            let mut taken = 0;
            while inflater.slice(data, &mut taken, out, &[], max_len)? == Slice::Unfinished {}
            Ok(())
        }

        /// Appends `plain` as a zlib stream to the empty `out`; false if that would not be shorter.
        pub(super) fn compress(&mut self, plain: &[u8], out: &mut Vec<u8>) -> bool {
            let compressor = self.compressor.get_or_insert_with(|| Compress::new(Compression::fast(), true));
            compressor.reset();
            // Room for one byte less than the plain form: what does not fit is not worth sending.
            out.reserve_exact(plain.len().saturating_sub(1));
            let room = out.capacity().min(plain.len().saturating_sub(1));
            matches!(compressor.compress_vec(plain, out, FlushCompress::Finish), Ok(Status::StreamEnd))
                && out.len() <= room
        }
    }
}

#[cfg(test)]
mod tests;
