//! Requests, replies and pushes of a client.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::time::Duration;

use super::data::decode;
use super::error::ClientError;
use super::flags::Flags;
use super::link::Link;
use crate::packet::{ErrorId, Reply, Request, push_request};

/// The most pushes that wait for the caller. Others are dropped, and counted.
const MAX_PUSHES: usize = 256;

/// A packet from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Packet {
    /// [`ErrorId::NONE`], or why the request was refused.
    pub error_id: ErrorId,
    /// The command.
    pub cmd: u16,
    /// The Flag of the request; 0 in a push.
    pub flag: u32,
    /// Data, inflated if it was compressed.
    pub data: Vec<u8>,
}

/// A connection to a server, over TCP or another stream.
///
/// Its errors are [`ClientError`]. After [`TimedOut`](ClientError::TimedOut) and
/// [`Refused`](ClientError::Refused) the connection goes on, after all others it does not.
#[derive(Debug)]
pub struct Client<S = std::net::TcpStream> {
    pub(super) link: Link<S>,
    flags: Flags,
    pushes: VecDeque<Packet>,
    dropped: u64,
}

impl<S: Read + Write> Client<S> {
    pub(super) fn new(link: Link<S>) -> Self {
        Client { link, flags: Flags::default(), pushes: VecDeque::new(), dropped: 0 }
    }

    /// The stream, for its settings.
    #[must_use]
    pub fn stream(&self) -> &S {
        &self.link.stream
    }

    /// Sets the longest time that sending a packet, or waiting for a packet, a reply or a push, takes in all,
    /// though the server takes it byte by byte, or other packets, Pings or parts of messages come meanwhile;
    /// `None`, as it is after [`over`](Self::over): no limit but that of each read and write. It is looked at
    /// between two of them.
    pub fn set_longest_wait(&mut self, wait: Option<Duration>) {
        self.link.longest_wait = wait;
    }

    /// How many packets were dropped: replies that nobody waits for any more, and what the caller left
    /// unread.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Sends a request and waits for one reply.
    ///
    /// # Errors
    /// [`ClientError`]; a refusal is [`ClientError::Refused`].
    pub fn call(&mut self, cmd: u16, data: &[u8]) -> Result<Packet, ClientError> {
        let flag = self.request(cmd, data)?;
        let reply = self.reply(flag);
        self.forget(flag);
        reply
    }

    /// Sends a protobuf message and waits for the message that answers it.
    ///
    /// # Errors
    /// As for [`call`](Self::call), and [`ClientError::Protocol`] if the reply is no such message.
    #[cfg(feature = "protobuf")]
    pub fn ask<M: prost::Message + Default>(
        &mut self,
        cmd: u16,
        message: &impl prost::Message,
    ) -> Result<M, ClientError> {
        let mut data = Vec::new();
        // A vector grows as it has to.
        message.encode(&mut data).map_err(|_| ClientError::Protocol)?;
        let reply = self.call(cmd, &data)?;
        M::decode(&reply.data[..]).map_err(|_| ClientError::Protocol)
    }

    /// Sends a request whose replies are taken with [`reply`](Self::reply). Returns its Flag. It must be
    /// [forgotten](Self::forget) in the end.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn request(&mut self, cmd: u16, data: &[u8]) -> Result<u32, ClientError> {
        let flag = self.flags.open();
        let mut packet = Vec::new();
        push_request(&mut packet, &Request { data_status: 0, flag, cmd, data });
        match self.link.send(&packet) {
            Ok(()) => Ok(flag),
            Err(error) => {
                self.flags.close(flag);
                Err(error)
            }
        }
    }

    /// Sends a request, and drops what answers it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn post(&mut self, cmd: u16, data: &[u8]) -> Result<(), ClientError> {
        let flag = self.request(cmd, data)?;
        self.forget(flag);
        Ok(())
    }

    /// Waits for the next reply to a request.
    ///
    /// # Errors
    /// [`ClientError`]; a refusal is [`ClientError::Refused`].
    pub fn reply(&mut self, flag: u32) -> Result<Packet, ClientError> {
        let deadline = self.link.deadline();
        loop {
            if let Some(reply) = self.flags.take(flag) {
                return match reply.error_id {
                    ErrorId::NONE => Ok(reply),
                    error_id => Err(ClientError::Refused(error_id)),
                };
            }
            deadline.check()?;
            self.receive()?;
        }
    }

    /// Waits for no more replies to a request: those that come later are dropped.
    pub fn forget(&mut self, flag: u32) {
        self.flags.close(flag);
    }

    /// Waits for the next push.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn push(&mut self) -> Result<Packet, ClientError> {
        let deadline = self.link.deadline();
        loop {
            if let Some(push) = self.pushes.pop_front() {
                return Ok(push);
            }
            deadline.check()?;
            self.receive()?;
        }
    }

    /// Waits for one packet, and keeps it for [`try_push`](Self::try_push) or [`try_reply`](Self::try_reply).
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn receive(&mut self) -> Result<(), ClientError> {
        let packet = self.packet()?;
        let is_kept = match packet.flag {
            0 if self.pushes.len() < MAX_PUSHES => {
                self.pushes.push_back(packet);
                true
            }
            0 => false,
            _ => self.flags.keep(packet),
        };
        self.dropped = self.dropped.saturating_add(u64::from(!is_kept));
        Ok(())
    }

    /// Waits for the next packet, be it a push, or a reply to whatever request. For bots that take packets as
    /// they come.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn next_packet(&mut self) -> Result<Packet, ClientError> {
        match self.pushes.pop_front() {
            Some(push) => Ok(push),
            None => self.packet(),
        }
    }

    /// A push that has come already.
    pub fn try_push(&mut self) -> Option<Packet> {
        self.pushes.pop_front()
    }

    /// A reply that has come already, or a refusal.
    pub fn try_reply(&mut self, flag: u32) -> Option<Packet> {
        self.flags.take(flag)
    }

    /// Closes the connection with 1000, and waits until the server has closed it too.
    pub fn close(mut self) {
        self.link.close();
    }

    fn packet(&mut self) -> Result<Packet, ClientError> {
        let message = self.link.message()?;
        parse(&message).map_err(|error| self.link.fail(error))
    }

    /// Has Flags count on from this one, as if so many requests had been made: for tests of what comes behind
    /// the last Flag.
    pub fn set_last_flag(&mut self, flag: u32) {
        self.flags.set_last(flag);
    }
}

fn parse(message: &[u8]) -> Result<Packet, ClientError> {
    let Reply { error_id, data_status, flag, cmd, data } =
        Reply::parse(message).map_err(|_| ClientError::Protocol)?;
    Ok(Packet { error_id, cmd, flag, data: decode(data_status, data)? })
}
