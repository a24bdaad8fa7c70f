//! The game of the tests on a connection's life: its players log in, are linked to objects, and lend
//! the test their handles. It runs on a thread of its own, or is turned by the test.

#![allow(dead_code, unused_imports, reason = "each test program uses a part of it")]

mod game;
mod hand;
mod server;

use std::io::Read;
use std::net::{SocketAddr, TcpStream};

use crate::common::{Client, PATIENCE, UPGRADE, packet};
use sysconn::ConnectionId;

pub(crate) use game::{ARENA, Arena, CLOSE, DEFER, ECHO, HANDLE, LINK, LOGIN, LOGOUT, PANIC, PUSH, SINK};
pub(crate) use game::{Event, PUSHED};
pub(crate) use hand::{Hand, write_until_full};
pub(crate) use server::ArenaServer;

/// A client with a small receive buffer.
pub(crate) fn slow_client(address: SocketAddr) -> Client {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    socket.connect(&address.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    Client::over(stream)
}

/// The request that logs in with a role.
pub(crate) fn login(role_id: u64) -> Vec<u8> {
    packet(LOGIN, 0, &role_id.to_be_bytes())
}

impl<T: Read + std::io::Write> Client<T> {
    /// Logs in with a role, and checks the reply.
    pub(crate) fn login(&mut self, role_id: u64) {
        self.send(&login(role_id));
        let reply = self.reply();
        assert_eq!((reply.error_id, reply.cmd), (0, LOGIN));
    }

    /// Asks for the id of this connection.
    pub(crate) fn id(&mut self) -> ConnectionId {
        self.send_packet(HANDLE, 0, b"");
        self.read_id()
    }

    /// The answer: the id of this connection.
    pub(crate) fn read_id(&mut self) -> ConnectionId {
        let reply = self.reply();
        assert_eq!((reply.error_id, reply.cmd), (0, HANDLE));
        ConnectionId::from_u64(u64::from_be_bytes(reply.data.try_into().unwrap()))
    }

    /// Sends data to be echoed, and checks the reply.
    pub(crate) fn ask(&mut self, data: &[u8]) {
        self.send_packet(ECHO, 7, data);
        let reply = self.reply();
        assert_eq!((reply.error_id, reply.cmd, reply.flag, reply.data.as_slice()), (0, ECHO, 7, data));
    }
}
