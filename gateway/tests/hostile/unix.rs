//! Clients on a Unix socket, who alone can send descriptors.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::common::{Client, PATIENCE, Reply, UPGRADE, packet};
use crate::stage::{Case, Setup, play};

#[test]
fn unix() {
    play(CASES);
}

/// Sends bytes, and a descriptor with them.
fn send_with_descriptor(stream: &UnixStream, bytes: &[u8]) {
    let descriptors = [stream.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
    let sent = sendmsg(stream, &[IoSlice::new(bytes)], &mut ancillary, SendFlags::empty()).unwrap();
    assert_eq!(sent, bytes.len());
}

pub(crate) const CASES: &[Case] = &[Case::new("x-46", Setup::Unix, |stage| {
    // The descriptors are discarded; a read that ends at one has not drained the socket.
    let stream = UnixStream::connect(stage.path()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut client = Client::over(stream);
    client.upgrade(UPGRADE);
    let before = stage.program.descriptors();
    for flag in 0..500 {
        let packet = packet(1101, flag, b"with a descriptor");
        let cut = 1 + flag as usize % (packet.len() - 1);
        send_with_descriptor(&client.stream, &packet[..cut]);
        client.send(&packet[cut..]);
        assert_eq!(client.reply(), Reply::new(1101, flag, b"with a descriptor"));
    }
    assert_eq!(stage.program.descriptors(), before);
})];
