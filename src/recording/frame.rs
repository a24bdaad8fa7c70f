//! Frames that the server sent, in a recording: their headers, and a hash of their content.

use std::borrow::Cow;

use crate::frame::{Header, Opcode};
use crate::packet::DataStatus;
use crate::recording::wire::{Wire, wire_struct};

wire_struct! {
    /// A frame that the server sent.
    struct Frame {
        /// The bits of the opcode, with [`LATER`] if the message, or its Data, is still to be compressed.
        /// Length and header are then those before compression.
        opcode: u8,
        compressed: bool,
        /// Bytes of payload.
        len: u64,
        /// The header of its packet, if it has one.
        packet: Option<PacketHead>,
        /// The hash of the packet's Data, or of the payload if it is not a packet; 0 if that is secret.
        hash: u64,
    }
}

wire_struct! {
    /// The header of a packet to the client.
    struct PacketHead {
        error_id: u16,
        data_status: u8,
        flag: u32,
        cmd: u16,
    }
}

/// Set in a frame's opcode if it is still to be compressed.
pub(crate) const LATER: u8 = 0x80;

impl Frame {
    /// The length of the first frame of `bytes`, including absent bytes of its payload.
    pub(crate) fn span(bytes: &[u8]) -> Option<usize> {
        let (header, header_bytes) = Header::parse(bytes).ok()??;
        usize::try_from(header.payload_len).ok()?.checked_add(header_bytes)
    }

    pub(crate) fn opcode(&self) -> Option<Opcode> {
        Opcode::from_bits(self.opcode & !LATER)
    }

    /// Whether the frame is still to be compressed.
    pub(crate) fn is_later(&self) -> bool {
        self.opcode & LATER != 0
    }

    /// Splits `bytes` into the first frame and the rest. Data of secret commands gets no hash, and neither
    /// does a payload whose last `absent` bytes are missing.
    pub(crate) fn read<'a>(
        bytes: &'a [u8],
        absent: usize,
        packets: bool,
        is_secret: &dyn Fn(u16) -> bool,
    ) -> Option<(Self, &'a [u8])> {
        let (header, header_bytes) = Header::parse(bytes).ok()??;
        let (_, payload) = bytes.split_at_checked(header_bytes)?;
        let len = usize::try_from(header.payload_len).ok()?;
        let (payload, rest) = payload.split_at_checked(len.checked_sub(absent)?)?;
        let parsed = if absent > 0 { Cow::Owned(without_data(payload)) } else { Cow::Borrowed(payload) };
        let packet = (packets && header.opcode == Opcode::Binary && !header.rsv1)
            .then(|| crate::packet::Reply::parse(&parsed).ok())
            .flatten();
        let hash = match &packet {
            _ if absent > 0 => 0,
            Some(packet) if is_secret(packet.cmd) => 0,
            Some(packet) => digest(packet.data),
            // Its content is not known here.
            None if header.rsv1 => 0,
            None => digest(payload),
        };
        let packet = packet.map(|packet| PacketHead {
            error_id: packet.error_id.0,
            data_status: packet.data_status,
            flag: packet.flag,
            cmd: packet.cmd,
        });
        let (opcode, compressed) = (header.opcode as u8, header.rsv1);
        Some((Frame { opcode, compressed, len: len as u64, packet, hash }, rest))
    }

    /// Drops everything that depends on the content: hashes, and compressed lengths.
    pub(super) fn forget_data(&mut self) {
        if self.opcode().is_none_or(|opcode| !opcode.is_control()) {
            self.hash = 0;
        }
        let is_data_compressed =
            self.packet.as_ref().is_some_and(|packet| packet.data_status == DataStatus::Compressed as u8);
        if self.compressed || is_data_compressed {
            self.len = 0;
        }
    }
}

/// The header of a packet without its Data, whatever its DataSize.
fn without_data(header: &[u8]) -> Vec<u8> {
    let mut header = header.to_vec();
    if let Some(data_size) = header.get_mut(2..4) {
        data_size.fill(0xff);
    }
    header
}

/// Hashes bytes that are not recorded: FNV-1a, 64 bits.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x100_0000_01b3;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}
