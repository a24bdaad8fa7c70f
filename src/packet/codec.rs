//! Decoding and encoding of Data by its DataStatus: zlib streams and the embedder's cipher.

use super::header::DataStatus;
use crate::id::ConnectionId;
use crate::inflate::Fault;

/// Why Data cannot be decoded. The connection closes with 4001.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Undecodable {
    // The order is that of the numbers in recordings: add new variants at the end, and to `ALL`.
    /// DataStatus is above 2.
    UnknownStatus,
    /// The zlib stream is corrupt, truncated, followed by other bytes, or needs a preset dictionary.
    Zlib,
    /// The inflated or decrypted Data is longer than a message may be.
    TooLong,
    /// Data is encrypted, and no cipher is installed or the cipher rejects it.
    Cipher,
    /// Data is compressed, and the library was built without the feature `zlib`.
    NoZlib,
    /// Data is not the message of a [typed](crate::typed) route.
    Message,
}

impl Undecodable {
    /// All variants; the index of each is its number in recordings.
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

/// A message of a [typed](crate::typed) route. A protobuf message implements it in one line.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no message that a handler can take: it does not implement `Decode`",
    label = "the message of this handler does not decode",
    note = "implement `sysconn::packet::Decode` for it; for a protobuf message use `proto!`"
)]
pub trait Decode: Sized {
    /// Decodes a message from Data.
    ///
    /// # Errors
    /// [`Undecodable`] if Data is not such a message. The connection then closes with 4001.
    fn decode(data: &[u8]) -> Result<Self, Undecodable>;
}

/// The cipher of a game, for DataStatus 2. One serves all connections of a reactor.
pub trait Cipher: Send {
    /// Decrypts `data` into `plain`, which is empty.
    ///
    /// # Errors
    /// [`Undecodable`] if the client of this connection cannot have encrypted `data`. The connection then
    /// closes with 4001.
    fn decrypt(
        &mut self,
        connection: ConnectionId,
        data: &[u8],
        plain: &mut Vec<u8>,
    ) -> Result<(), Undecodable>;

    /// Encrypts `plain` into `data`, which is empty.
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

/// The decoders and encoders of a reactor.
#[derive(Default)]
pub struct Codecs {
    source: Source,
    #[cfg(feature = "zlib")]
    zlib: zlib::Zlib,
}

/// The most capacity that a buffer keeps from packet to packet, in bytes.
const KEPT_BYTES: usize = 64 * 1024;

impl Codecs {
    /// Codecs with a cipher for DataStatus 2, or without one.
    #[must_use]
    pub fn new(cipher: Option<Box<dyn Cipher>>) -> Self {
        Codecs::from_source(Source::Cipher(cipher))
    }

    /// Codecs of a replay.
    pub(crate) fn recorded(recorded: Box<dyn RecordedCodec>) -> Self {
        Codecs::from_source(Source::Recorded(recorded))
    }

    fn from_source(source: Source) -> Self {
        Codecs {
            source,
            #[cfg(feature = "zlib")]
            zlib: zlib::Zlib::default(),
        }
    }

    /// Decodes Data in one step. Raw or empty Data is returned as it is; other Data replaces the contents of
    /// `buffer`.
    ///
    /// # Errors
    /// [`Undecodable`], also if the result is longer than `max_len` bytes.
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

    /// Encrypts `plain` into `out`, whose contents it replaces. Returns false if no cipher is installed.
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

    /// Compresses `plain` to a zlib stream in `out`, whose contents it replaces. Returns false if that is not
    /// shorter, or fails, or without the feature `zlib`.
    pub(crate) fn compress(&mut self, plain: &[u8], out: &mut Vec<u8>) -> bool {
        out.clear();
        out.shrink_to(KEPT_BYTES);
        if let Source::Recorded(recorded) = &mut self.source {
            let len = recorded.compressed_len();
            out.resize(len.unwrap_or_default().min(plain.len()), 0);
            return len.is_some();
        }
        self.compress_zlib(plain, out)
    }

    #[cfg(feature = "zlib")]
    fn compress_zlib(&mut self, plain: &[u8], out: &mut Vec<u8>) -> bool {
        self.zlib.compress(plain, out)
    }

    #[cfg(not(feature = "zlib"))]
    fn compress_zlib(&mut self, _plain: &[u8], _out: &mut Vec<u8>) -> bool {
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
    //! Zlib streams (RFC 1950) through flate2, with a limit on the inflated length.

    use flate2::{Compress, Compression, FlushCompress, Status};

    use crate::inflate::{Format, Inflater, Slice};
    use crate::packet::codec::Undecodable;

    /// An inflater and a compressor, created on first use: each takes tens of kilobytes.
    #[derive(Default)]
    pub(super) struct Zlib {
        inflater: Option<Inflater>,
        compressor: Option<Compress>,
    }

    impl Zlib {
        /// Inflates `data` into the empty `out`, which grows little beyond `max_len`.
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

        /// Compresses `plain` into the empty `out`. Returns false if the result is not shorter.
        pub(super) fn compress(&mut self, plain: &[u8], out: &mut Vec<u8>) -> bool {
            let compressor = self.compressor.get_or_insert_with(|| Compress::new(Compression::fast(), true));
            compressor.reset();
            // A result that does not fit one byte less than the input is not worth sending.
            let max_len = plain.len().saturating_sub(1);
            out.reserve_exact(max_len);
            let max_len = out.capacity().min(max_len);
            matches!(compressor.compress_vec(plain, out, FlushCompress::Finish), Ok(Status::StreamEnd))
                && out.len() <= max_len
        }
    }
}

#[cfg(test)]
mod tests;
