//! Packet headers, parsed and encoded: 9 bytes to the server, 11 bytes to the client.

use byteorder::{BigEndian, ByteOrder};

use super::error_id::ErrorId;
use crate::frame::{
    MAX_CONTROL_PAYLOAD, MAX_SERVER_HEADER_BYTES, Opcode, SHORT_HEADER_BYTES, push_header,
    server_header_bytes, short_header,
};

/// The length of the header of a packet to the server, in bytes.
pub const REQUEST_HEADER_BYTES: usize = 9;
/// The length of the header of a packet to the client, in bytes.
pub const REPLY_HEADER_BYTES: usize = 11;
/// The most bytes by which a packet to the client is longer on the wire than its Data.
pub(crate) const FRAMED_OVERHEAD_BYTES: usize = MAX_SERVER_HEADER_BYTES + REPLY_HEADER_BYTES;
/// The most bytes of Data in a packet to the client whose frame has a short header.
pub(crate) const MAX_SHORT_DATA: usize = MAX_CONTROL_PAYLOAD - REPLY_HEADER_BYTES;
/// The DataSize that means that Data extends to the end of the message.
const TO_THE_END: u16 = u16::MAX;

/// The encoding of Data: the values of the DataStatus byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DataStatus {
    /// Not encoded.
    Raw = 0,
    /// A zlib stream (RFC 1950).
    Compressed = 1,
    /// Encrypted with the [`Cipher`](super::Cipher) of the embedder.
    Encrypted = 2,
}

impl DataStatus {
    /// The meaning of a DataStatus byte; `None` above 2.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(DataStatus::Raw),
            1 => Some(DataStatus::Compressed),
            2 => Some(DataStatus::Encrypted),
            _ => None,
        }
    }
}

/// Why a message is not a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The message is shorter than the header.
    Short,
    /// DataSize differs from the length of Data. The header is complete, so the packet can be answered.
    DataSize {
        /// The Cmd of the packet.
        cmd: u16,
        /// The Flag of the packet.
        flag: u32,
    },
}

/// A packet to the server: a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The encoding of Data as the client declares it, unchecked: see [`DataStatus`].
    pub data_status: u8,
    /// The Flag: a number of the client's choice, which each reply carries.
    pub flag: u32,
    /// The command.
    pub cmd: u16,
    /// The payload, still encoded.
    pub data: &'a [u8],
}

impl<'a> Request<'a> {
    /// Parses the packet in a binary message.
    ///
    /// # Errors
    /// [`Fault::Short`] below 9 bytes; [`Fault::DataSize`] if DataSize differs from the length of Data and is
    /// not 65535.
    pub fn parse(message: &'a [u8]) -> Result<Self, Fault> {
        let (header, data) = message.split_first_chunk().ok_or(Fault::Short)?;
        let RequestHeader { size, data_status, flag, cmd } = RequestHeader::parse(*header);
        if is_size_of(size, data.len()) {
            Ok(Request { data_status, flag, cmd, data })
        } else {
            Err(Fault::DataSize { cmd, flag })
        }
    }
}

/// The header of a packet to the server.
#[derive(Clone, Copy)]
pub(crate) struct RequestHeader {
    size: u16,
    pub(crate) data_status: u8,
    pub(crate) flag: u32,
    pub(crate) cmd: u16,
}

impl RequestHeader {
    #[inline(always)]
    pub(crate) fn parse(bytes: [u8; REQUEST_HEADER_BYTES]) -> Self {
        // All but the last byte at once, in a register.
        let [front @ .., cmd_low] = bytes;
        let front = u64::from_be_bytes(front);
        RequestHeader {
            size: (front >> 48) as u16,
            data_status: (front >> 40) as u8,
            flag: (front >> 8) as u32,
            cmd: (front as u16) << 8 | u16::from(cmd_low),
        }
    }

    /// Whether it can stand in front of `data_len` bytes of Data.
    #[inline(always)]
    pub(crate) fn has_size(self, data_len: usize) -> bool {
        is_size_of(self.size, data_len)
    }
}

/// A packet to the client: a reply or push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// [`ErrorId::NONE`], or why the request is refused.
    pub error_id: ErrorId,
    /// The encoding of Data: see [`DataStatus`].
    pub data_status: u8,
    /// The Flag of the request; 0 in a push.
    pub flag: u32,
    /// The command.
    pub cmd: u16,
    /// The payload, still encoded.
    pub data: &'a [u8],
}

impl<'a> Reply<'a> {
    /// Parses a packet to the client.
    ///
    /// # Errors
    /// As for [`Request::parse`], with a header of 11 bytes.
    pub fn parse(message: &'a [u8]) -> Result<Self, Fault> {
        let (error_id, rest) = message.split_first_chunk::<2>().ok_or(Fault::Short)?;
        let request = Request::parse(rest)?;
        Ok(Reply {
            error_id: ErrorId(u16::from_be_bytes(*error_id)),
            data_status: request.data_status,
            flag: request.flag,
            cmd: request.cmd,
            data: request.data,
        })
    }

    /// The encoded header.
    pub(crate) fn header(&self) -> [u8; REPLY_HEADER_BYTES] {
        let (front, back) = self.header_parts(self.data.len());
        let mut header = [0; REPLY_HEADER_BYTES];
        header[..front.len()].copy_from_slice(&front);
        header[front.len()..].copy_from_slice(&back);
        header
    }

    /// The encoded header for Data of `data_len` bytes in two parts, each built in a register: a wide copy
    /// right after stores of single bytes would stall the processor.
    #[inline(always)]
    fn header_parts(&self, data_len: usize) -> ([u8; 8], [u8; 3]) {
        let front = u64::from(self.error_id.0) << 48
            | u64::from(data_size(data_len)) << 32
            | u64::from(self.data_status) << 24
            | u64::from(self.flag >> 8);
        let [flag, ..] = self.flag.to_le_bytes();
        let [high, low] = self.cmd.to_be_bytes();
        (front.to_be_bytes(), [flag, high, low])
    }
}

/// Whether `size` is a DataSize for Data of `len` bytes.
#[inline(always)]
fn is_size_of(size: u16, len: usize) -> bool {
    size == data_size(len) || size == TO_THE_END
}

/// The DataSize for Data of `len` bytes.
fn data_size(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(TO_THE_END)
}

/// The length on the wire of a packet to the client with `data_len` bytes of Data, frame header included.
pub(crate) fn framed_len(data_len: usize) -> usize {
    let payload = REPLY_HEADER_BYTES + data_len;
    server_header_bytes(payload) + payload
}

/// Appends a packet to the client, in its own WebSocket frame.
pub fn push_packet(out: &mut Vec<u8>, reply: &Reply<'_>) {
    out.reserve(framed_len(reply.data.len()));
    push_packet_head(out, reply, reply.data.len());
    out.extend_from_slice(reply.data);
}

/// Appends the headers of a packet to the client, which `data_len` bytes of Data will follow: the header of
/// its frame, then its own.
#[inline(always)]
pub(crate) fn push_packet_head(out: &mut Vec<u8>, reply: &Reply<'_>, data_len: usize) {
    let (front, back) = reply.header_parts(data_len);
    match short_header(Opcode::Binary, REPLY_HEADER_BYTES + data_len) {
        Some([first, second]) => {
            let mut head = [0; SHORT_HEADER_BYTES + REPLY_HEADER_BYTES];
            (head[0], head[1]) = (first, second);
            head[2..10].copy_from_slice(&front);
            head[10..].copy_from_slice(&back);
            // All of it with one check of the capacity.
            out.extend_from_slice(&head);
        }
        None => {
            push_header(out, Opcode::Binary, REPLY_HEADER_BYTES + data_len);
            out.extend_from_slice(&front);
            out.extend_from_slice(&back);
        }
    }
}

/// Appends a packet to the server, without a frame: the payload of a binary message.
pub fn push_request(out: &mut Vec<u8>, request: &Request<'_>) {
    let mut header = [0; REQUEST_HEADER_BYTES];
    BigEndian::write_u16(&mut header[0..2], data_size(request.data.len()));
    header[2] = request.data_status;
    BigEndian::write_u32(&mut header[3..7], request.flag);
    BigEndian::write_u16(&mut header[7..9], request.cmd);
    out.extend_from_slice(&header);
    out.extend_from_slice(request.data);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i % 251) as u8).collect()
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes")]
    fn an_encoded_request_parses_to_the_same() {
        let data: Vec<Vec<u8>> = [0, 1, 4, 125, 65_534, 65_535, 65_536, 70_000].map(long).into();
        for data in &data {
            for (flag, cmd, data_status) in [(0, 1101, 0), (u32::MAX, u16::MAX, 255), (1 << 31, 0, 2)] {
                let request = Request { data_status, flag, cmd, data };
                let mut message = vec![];
                push_request(&mut message, &request);
                assert_eq!(message.len(), REQUEST_HEADER_BYTES + data.len());
                assert_eq!(Request::parse(&message), Ok(request));
            }
        }
    }

    #[test]
    fn headers_have_the_layout_of_the_contract() {
        let mut message = vec![];
        push_request(&mut message, &Request { data_status: 1, flag: 0x0102_0304, cmd: 0x0506, data: b"ab" });
        assert_eq!(message, [0, 2, 1, 1, 2, 3, 4, 5, 6, b'a', b'b']);

        let mut out = vec![0xa5];
        let reply = Reply { error_id: ErrorId(0x0708), data_status: 0, flag: 9, cmd: 1101, data: b"x" };
        push_packet(&mut out, &reply);
        assert_eq!(out, [0xa5, 0x82, 12, 7, 8, 0, 1, 0, 0, 0, 0, 9, 4, 77, b'x']);
        assert_eq!(Reply::parse(&out[3..]), Ok(reply));

        let reply = Reply { data_status: 2, flag: 0x01ff_0304, ..reply };
        assert_eq!(reply.header(), [7, 8, 0, 1, 2, 1, 0xff, 3, 4, 4, 77]);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes")]
    fn a_packet_is_as_long_as_framed_len_says() {
        for len in [0, 1, 114, 115, 65_524, 65_525, 65_535, 524_279] {
            let mut out = vec![];
            let reply = Reply { error_id: ErrorId::NONE, data_status: 0, flag: 1, cmd: 2, data: &long(len) };
            push_packet(&mut out, &reply);
            assert_eq!(out.len(), framed_len(len), "{len}");
        }
    }

    #[test]
    fn messages_that_are_not_packets_are_refused() {
        for len in 0..REQUEST_HEADER_BYTES {
            assert_eq!(Request::parse(&long(len)), Err(Fault::Short));
        }
        let mismatch = Err(Fault::DataSize { cmd: 7, flag: 5 });
        for (size, data_len, expected_fault) in [
            (0, 1, true),
            (5, 4, true),
            (4, 14, true),
            (65_534, 65_535, true),
            (4, 4, false),
            (65_535, 4, false),
        ] {
            let mut message = vec![0, 0, 0, 0, 0, 0, 5, 0, 7];
            BigEndian::write_u16(&mut message[0..2], size);
            message.extend(long(data_len));
            let parsed = Request::parse(&message);
            assert_eq!(parsed.is_err(), expected_fault, "size {size}, data {data_len}");
            if expected_fault {
                assert_eq!(parsed, mismatch);
            }
        }
    }
}
