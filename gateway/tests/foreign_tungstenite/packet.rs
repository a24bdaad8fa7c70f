//! Packets as a client writes and expects them, and Data to put into them.

/// The longest Data: with its header it fills the longest message.
pub(crate) const MAX_DATA: usize = 524_288 - 9;

/// A packet to the server.
pub(crate) fn request(cmd: u16, data: &[u8], flag: u32) -> Vec<u8> {
    let data_size = u16::try_from(data.len()).unwrap_or(u16::MAX);
    [&data_size.to_be_bytes()[..], &[0], &flag.to_be_bytes(), &cmd.to_be_bytes(), data].concat()
}

/// A packet from the server.
pub(crate) fn reply(cmd: u16, data: &[u8], flag: u32, error_id: u16) -> Vec<u8> {
    [&error_id.to_be_bytes()[..], &request(cmd, data, flag)].concat()
}

/// Data in which every shift shows.
pub(crate) fn pattern(size: usize) -> Vec<u8> {
    (0..=250).cycle().take(size).collect()
}

pub(crate) fn indices(count: u16) -> Vec<Vec<u8>> {
    (0..u32::from(count)).map(|index| index.to_be_bytes().to_vec()).collect()
}

pub(crate) fn brief(bytes: &[u8]) -> String {
    format!("{} bytes {:02x?}", bytes.len(), &bytes[..bytes.len().min(24)])
}
