//! Replaces `simulated.rs` in a library without the feature `sim`: these types have no values, so nothing
//! here is ever called.
//!
//! The fields are private so that other files cannot see this: those files are written for both cases, and
//! the compiler would warn about unreachable code in them.

use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::time::Duration;

use mio::Token;

use super::event::Event;
use crate::config::Listen;
use crate::record::Peer;

#[derive(Clone, Debug)]
pub(crate) struct Network(Infallible);

#[derive(Clone, Debug)]
pub(crate) struct Clock(Infallible);

#[derive(Debug)]
pub(crate) struct Poll(Infallible);

#[derive(Debug)]
pub(crate) struct Listener(Infallible);

#[derive(Debug)]
pub(crate) struct Socket(Infallible);

#[derive(Debug)]
pub(crate) struct Spare(Infallible);

impl Network {
    pub(crate) fn listen(&self, _: &Listen, _: usize) -> io::Result<Vec<Listener>> {
        match self.0 {}
    }

    pub(crate) fn spare(&self) -> Option<Spare> {
        match self.0 {}
    }
}

impl Clock {
    pub(crate) fn new(network: Network) -> Self {
        match network.0 {}
    }

    pub(crate) fn now(&self) -> Duration {
        match self.0 {}
    }

    pub(crate) fn begin_turn(&self) {
        match self.0 {}
    }

    pub(crate) fn turn_now(&self) -> Duration {
        match self.0 {}
    }

    pub(crate) fn unix_ms(&self) -> u64 {
        match self.0 {}
    }
}

impl Poll {
    pub(crate) fn new(network: Network, _: usize) -> Self {
        match network.0 {}
    }

    pub(crate) fn number(&self) -> usize {
        match self.0 {}
    }

    pub(crate) fn waker(&self, _: Token) -> Box<dyn Fn() + Send + Sync> {
        match self.0 {}
    }

    pub(crate) fn poll(&mut self, _: Option<Duration>) -> io::Result<()> {
        match self.0 {}
    }

    pub(crate) fn clear(&mut self) {
        match self.0 {}
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn is_full(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn for_each(&self, _: impl FnMut(Event)) {
        match self.0 {}
    }
}

impl Listener {
    pub(crate) fn listening(&self) -> &Listen {
        match self.0 {}
    }

    pub(crate) fn register(&self, _: usize, _: Token) {
        match self.0 {}
    }

    pub(crate) fn accept(&self) -> io::Result<(Socket, Peer)> {
        match self.0 {}
    }
}

impl Socket {
    pub(crate) fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match self.0 {}
    }

    pub(crate) fn write_vectored(&mut self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.0 {}
    }

    pub(crate) fn shutdown_write(&mut self) {
        match self.0 {}
    }

    pub(crate) fn unacknowledged(&self) -> u64 {
        match self.0 {}
    }

    pub(crate) fn expect_read(&mut self) {
        match self.0 {}
    }

    pub(crate) fn register(&mut self, _: usize, _: Token) -> io::Result<()> {
        match self.0 {}
    }
}
