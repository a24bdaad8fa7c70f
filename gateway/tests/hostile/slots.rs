//! A new client in the slot of an earlier one: nothing of the earlier one may reach it.

use std::io::Read as _;

use crate::common::{Client, Frame, Reply, UPGRADE, join, packet};
use crate::stage::{Case, SERVE, play, slow};

#[test]
fn slots() {
    play(CASES);
}

pub(crate) const CASES: &[Case] = &[
    Case::new("x-34", SERVE, |stage| {
        // Its outbox is full when it goes.
        for _ in 0..20 {
            let mut before = slow(stage.program.address());
            before.send(&packet(1104, 1, &30_000u16.to_be_bytes()));
            stage.witness();
            Client::reset(before);
            let mut after = stage.client();
            after.echo(b"mine alone");
            after.close();
        }
    }),
    Case::new("x-35", SERVE, |stage| {
        // A reply is owed to it when it goes.
        for _ in 0..20 {
            let mut before = stage.client();
            before.send(&packet(1105, 1, b"\0\0\0\x14not yours"));
            stage.witness();
            stage.witness();
            Client::reset(before);
            let mut after = stage.client();
            after.send(&packet(1105, 1, b"\0\0\0\x28mine"));
            assert_eq!(after.reply(), Reply::new(1105, 1, b"mine"));
            after.close();
        }
    }),
    Case::new("x-36", SERVE, |stage| {
        // It leaves half a message, half a request, or waiting input behind.
        let half = packet(1101, 1, b"not yours");
        for bytes in [half[..half.len() - 1].to_vec(), join(&[&packet(1105, 1, b"\0\0\0\x0ax"), &half])] {
            let mut before = stage.client();
            before.send(&bytes);
            stage.witness();
            Client::reset(before);
            let mut after = stage.raw();
            after.stream.set_nonblocking(true).unwrap();
            stage.witness();
            let error = after.stream.read(&mut [0]).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "nothing comes before it asks");
            after.stream.set_nonblocking(false).unwrap();
            after.upgrade(UPGRADE);
            after.echo(b"mine");
            after.close();
            assert_eq!(after.next(), Frame::End);
        }
    }),
];
