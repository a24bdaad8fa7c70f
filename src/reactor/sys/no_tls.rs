//! Replaces `tls_socket.rs` in a library without the feature `tls`: this type has no values, so nothing here
//! is ever called.

use std::io::{self, IoSlice};

use mio::net::TcpStream;

use super::read::Read;

pub(crate) type BoxedTls = TlsSocket;

#[derive(Debug)]
pub(crate) enum TlsSocket {}

impl TlsSocket {
    pub(crate) fn read(&mut self, _: &mut [u8]) -> io::Result<Read> {
        match *self {}
    }

    pub(crate) fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn write_vectored(&mut self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn say_goodbye(&mut self) {
        match *self {}
    }

    pub(crate) fn shutdown_write(&mut self) {
        match *self {}
    }

    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        match *self {}
    }

    pub(crate) fn unacknowledged(&self) -> Option<u64> {
        match *self {}
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        match *self {}
    }

    pub(crate) fn answers_later(&self) -> bool {
        match *self {}
    }

    pub(crate) fn has_stepped(&mut self) -> bool {
        match *self {}
    }

    pub(crate) fn take_server_name(&mut self) -> Option<Box<str>> {
        match *self {}
    }

    pub(crate) fn take_overhead(&mut self) -> usize {
        match *self {}
    }

    pub(crate) fn begin_tls(&mut self, _: &[u8]) -> bool {
        match *self {}
    }

    pub(crate) fn has_flushed(&self) -> bool {
        match *self {}
    }

    pub(crate) fn flush(&mut self) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn take_traffic(&mut self) -> (u64, u64) {
        match *self {}
    }

    pub(crate) fn is_unfinished(&self) -> bool {
        match *self {}
    }

    pub(crate) fn sent(&self) -> u64 {
        match *self {}
    }
}
