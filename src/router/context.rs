//! What a handler may look at and do, beyond the application's own state.

use std::fmt;
use std::sync::Arc;

use super::job::{SLICE_BYTES, cost_of};
use super::{Effects, SendBuffer, Tools};
use crate::connection_log;
use crate::frame::{MessageKind, Opcode};
use crate::handle::{Handle, Life, Ticket, Tied};
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::object::{Link, Linked};
use crate::observer::Event;
use crate::packet::{DataStatus, ErrorId, Reply};
use crate::push::Push;
use crate::record::{Login, Record};
use crate::router::Outcome;

/// The request in hand. It can be answered at once through the context, or given up for a
/// [`Ticket`], which is why it can't be copied.
#[derive(Debug)]
pub struct Request<'a> {
    pub(crate) cmd: u16,
    pub(crate) flag: u32,
    pub(crate) data_status: u8,
    pub(crate) seq: u64,
    pub(crate) data: &'a [u8],
}

impl<'a> Request<'a> {
    /// The command.
    #[must_use]
    pub fn cmd(&self) -> u16 {
        self.cmd
    }

    /// The client's own number, which comes back in each reply.
    #[must_use]
    pub fn flag(&self) -> u32 {
        self.flag
    }

    /// How Data came: 0 raw, 1 compressed, 2 encrypted. [`data`](Self::data) is decoded already.
    #[must_use]
    pub fn data_status(&self) -> u8 {
        self.data_status
    }

    /// The packet's number on its connection, from 1.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Data, decoded. Valid while the handler runs.
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }
}

/// Why a packet was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// It does not fit the connection's outbox, and is counted in the record's `error_send`. By the
    /// overflow policy it was dropped, or the connection is about to close with 4008.
    OutboxFull,
    /// Encryption was asked for and no cipher is installed.
    NoCipher,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::OutboxFull => "the packet does not fit the outbox",
            SendError::NoCipher => "no cipher is installed",
        })
    }
}

impl std::error::Error for SendError {}

/// A login with `role_id` 0, which is no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRole;

impl fmt::Display for NoRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("role_id 0 is no role")
    }
}

impl std::error::Error for NoRole {}

/// A reply that is owed: what of the request must be remembered until it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deferral {
    pub(crate) seq: u64,
    pub(crate) cmd: u16,
    pub(crate) flag: u32,
}

/// One connection, as a handler sees it while it runs.
pub struct Context<'a> {
    pub(crate) record: &'a mut Record,
    pub(crate) ties: &'a mut dyn Tied,
    pub(crate) buffer: SendBuffer<'a>,
    /// The Cmd and Flag of the request in hand, which replies carry.
    pub(crate) cmd: u16,
    pub(crate) flag: u32,
    pub(crate) deferral: Option<Deferral>,
    pub(crate) overflowed: bool,
}

impl Context<'_> {
    /// The connection's record.
    #[must_use]
    pub fn record(&self) -> &Record {
        self.record
    }

    /// The connection's name.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.record.id
    }

    /// The time, as of the beginning of this turn.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.buffer.tools.now
    }

    /// A handle to this connection, for other threads.
    #[must_use]
    pub fn handle(&mut self) -> Handle {
        let life = self.ties.ties().life.get_or_insert_with(|| Arc::new(Life::new()));
        Handle::new(self.record.id, life.clone(), self.buffer.tools.mailbox.clone())
    }

    /// Bytes of Data that one reply, or [`push`](Self::push), can have now and is sure to be sent, whatever bytes they
    /// are: what waits in the outbox, what was gathered before, and the headers in front of Data are accounted for, and
    /// where messages are compressed the worst that this can make of Data. [`usize::MAX`] where
    /// [`outbox_limit`](crate::Config::outbox_limit) is off. 0 where no reply with Data fits, and maybe not even one
    /// without. Encrypted Data counts as it is once encrypted.
    ///
    /// That a socket may take something while the handler runs is not counted on.
    #[must_use]
    pub fn reply_capacity(&self) -> usize {
        self.buffer.room()
    }

    /// Whether so many replies are sure to be sent, each with so many bytes of Data. [`room`](Self::room) has what is
    /// accounted for; a handler that makes several replies can refuse the request before it has made the first.
    #[must_use]
    pub fn has_capacity_for(&self, replies: usize, data_len: usize) -> bool {
        self.buffer.has_room_for(replies, data_len)
    }

    /// Replies to the request, under its Cmd and Flag: [`try_reply`](Self::try_reply) for handlers
    /// that leave a full outbox to the overflow policy. Returns [`Outcome::Done`], so that it can
    /// be a handler's last expression.
    #[inline]
    pub fn reply(&mut self, data: &[u8]) -> Outcome {
        // An overflow is counted, and closes the connection where the policy says so.
        let _ = self.try_reply(data);
        Outcome::Done
    }

    /// Replies to the request, under its Cmd and Flag. A request may have any number of replies. Data
    /// above [`compress_above`](crate::Config::compress_above) is compressed: at once up to 16 KiB, else bit by bit
    /// once the handler has returned, and what is sent later goes out behind it. Until then it counts against the
    /// outbox as if it could not be made shorter.
    ///
    /// # Errors
    /// [`SendError::OutboxFull`], and then nothing was sent.
    #[inline]
    pub fn try_reply(&mut self, data: &[u8]) -> Result<(), SendError> {
        let threshold = self.buffer.tools.limits.compress_above;
        if cfg!(feature = "zlib")
            && threshold != 0
            && data.len() > threshold
            && let Some(sent) = self.send_compressed(data)
        {
            return self.count(sent);
        }
        let sent = self.buffer.packet(&reply(self.cmd, self.flag, DataStatus::Raw, data));
        self.count(sent)
    }

    /// Replies to the request with encrypted Data (DataStatus 2).
    ///
    /// # Errors
    /// [`SendError`], and then nothing was sent.
    pub fn try_reply_encrypted(&mut self, data: &[u8]) -> Result<(), SendError> {
        let id = self.record.id;
        let made = self.send_encoded(DataStatus::Encrypted, |tools, out| tools.codecs.encrypt(id, data, out));
        self.count(made.ok_or(SendError::NoCipher)?)
    }

    /// Sends compressed Data. Whether there was room for it; none if nothing is gained by it.
    #[inline(never)]
    fn send_compressed(&mut self, data: &[u8]) -> Option<bool> {
        if data.len() > SLICE_BYTES {
            let reply = reply(self.cmd, self.flag, DataStatus::Raw, data);
            return Some(self.buffer.packet_of_compressed_data(&reply));
        }
        self.buffer.tools.effects.add_work(cost_of(data.len()));
        if let Some(made) = self.buffer.made {
            let reply = reply(self.cmd, self.flag, DataStatus::Raw, data);
            return self.buffer.replay_compressed_data(&reply, made);
        }
        self.send_encoded(DataStatus::Compressed, |tools, out| tools.codecs.compress(data, out))
    }

    /// Sends what `encode` puts into the buffer for it. Whether there was room for it; none if nothing
    /// could be made.
    fn send_encoded(
        &mut self,
        status: DataStatus,
        encode: impl FnOnce(&mut Tools, &mut Vec<u8>) -> bool,
    ) -> Option<bool> {
        let mut encoded = std::mem::take(&mut self.buffer.tools.encoded);
        let made = encode(self.buffer.tools, &mut encoded);
        let sent = made.then(|| self.buffer.packet(&reply(self.cmd, self.flag, status, &encoded)));
        self.buffer.tools.encoded = encoded;
        sent
    }

    /// Sends a packet that nobody asked for to this connection, under `cmd` with Flag 0. It is never
    /// compressed.
    ///
    /// # Errors
    /// [`SendError::OutboxFull`], and then nothing was sent.
    pub fn push(&mut self, cmd: u16, data: &[u8]) -> Result<(), SendError> {
        let sent = self.buffer.packet(&reply(cmd, 0, DataStatus::Raw, data));
        self.count(sent)
    }

    /// Sends a plain WebSocket message, for services without packets.
    ///
    /// # Errors
    /// [`SendError::OutboxFull`], and then nothing was sent.
    pub fn send_message(&mut self, kind: MessageKind, payload: &[u8]) -> Result<(), SendError> {
        let opcode = match kind {
            MessageKind::Text => Opcode::Text,
            MessageKind::Binary => Opcode::Binary,
        };
        let sent = self.buffer.message(opcode, payload);
        self.count(sent)
    }

    /// Sends a push to another connection, or to this one, once the handler has returned.
    pub fn send_to(&mut self, to: ConnectionId, push: Push) {
        self.buffer.tools.effects.send(to, push);
    }

    /// Gives up the request for the right to answer it later, from any thread. The next packet of
    /// this connection waits until the ticket is answered or dropped.
    pub fn defer(&mut self, request: Request<'_>) -> Ticket {
        self.deferral = Some(Deferral { seq: request.seq, cmd: request.cmd, flag: request.flag });
        Ticket::new(self.record.id, request.seq, self.buffer.tools.mailbox.clone())
    }

    /// Logs the connection in. A connection that plays the role already closes with 4007, on whichever
    /// worker it is and whatever this one does next; a login of this connection with another role ends the
    /// one before.
    ///
    /// # Errors
    /// [`NoRole`], and then nothing has changed.
    pub fn login(&mut self, login: Login) -> Result<(), NoRole> {
        let role_id = login.identity.role_id;
        if role_id == 0 {
            return Err(NoRole);
        }
        // A login as the role that it plays already takes it from nobody: whoever has taken it over goes on
        // playing it.
        if self.record.role_id() != role_id {
            self.logout();
            let Tools { roles, effects, .. } = &mut *self.buffer.tools;
            if let Some(older) = roles.enter(self.record.id, role_id) {
                effects.replace(older);
            }
        }
        let Tools { log, now, effects, .. } = &mut *self.buffer.tools;
        connection_log::logged_in(self.record, log, *now, &login);
        self.record.log_in(login);
        effects.charge(1);
        Ok(())
    }

    /// Refuses a login: with ErrorID 7 to the client, which is not told why, and with the reason to the log. `account`
    /// and `role_id` are what the login claimed; `reason` is the application's own text and no secret. The result is
    /// for the handler to return.
    pub fn refuse_login(&mut self, account: &str, role_id: u64, reason: &str) -> Outcome {
        let Tools { log, now, .. } = &mut *self.buffer.tools;
        connection_log::login_refused(self.record, log, *now, account, role_id, reason);
        Outcome::Refuse(ErrorId::LOGIN_REFUSED)
    }

    /// The connection that plays a role, on whichever worker it is: the one that a login with it would
    /// replace.
    #[must_use]
    pub fn player(&self, role_id: u64) -> Option<ConnectionId> {
        self.buffer.tools.roles.player(role_id)
    }

    /// Logs the connection out; its time for a login begins anew. Without effect if it is not in.
    pub fn logout(&mut self) {
        if let Some(role_id) = self.record.log_out() {
            let Tools { roles, effects, .. } = &mut *self.buffer.tools;
            roles.leave(self.record.id, role_id);
            effects.charge(1);
        }
    }

    /// Links the player's object to this connection, in place of one that was linked before.
    ///
    /// The [`Link`] goes to the object: when it is dropped the connection closes, with 4005, or with
    /// 4006 if that happens in a panic. `ended` is called once, on the reactor's thread, when the
    /// connection has ended, or with [`Cause::Replaced`](crate::Cause::Replaced) when another object
    /// is linked.
    pub fn link(&mut self, ended: impl FnOnce(crate::Cause) + Send + 'static) -> Link {
        let Tools { mailbox, observed, .. } = &mut *self.buffer.tools;
        let (linked, link) = Linked::new(self.record.id, mailbox.clone(), ended);
        observed.report(Event::Linked(linked.number()));
        if let Some(earlier) = self.ties.ties().linked.replace(linked) {
            self.tell_replaced(earlier);
        }
        link
    }

    fn tell_replaced(&mut self, earlier: Linked) {
        let Tools { log, now, observed, .. } = &mut *self.buffer.tools;
        observed.report(Event::Unlinked(earlier.number()));
        if earlier.tell(crate::Cause::Replaced).is_err() {
            connection_log::panicked(self.record, log, *now, Some(self.cmd), "object's end hook");
        }
    }

    /// What is to be done to other connections once the handler has returned.
    pub fn effects(&mut self) -> &mut Effects {
        &mut self.buffer.tools.effects
    }

    pub(crate) fn refuse(&mut self, error_id: ErrorId) {
        let sent =
            self.buffer.packet(&Reply { error_id, ..reply(self.cmd, self.flag, DataStatus::Raw, &[]) });
        let _ = self.count(sent);
    }

    /// Sends whatever `send` puts into the buffer, and counts it.
    pub(crate) fn send_with(&mut self, send: impl FnOnce(&mut SendBuffer<'_>) -> bool) {
        let sent = send(&mut self.buffer);
        let _ = self.count(sent);
    }

    /// Counts packets that did not fit.
    pub(crate) fn fail_to_send(&mut self, packets: u32) {
        self.record.count_send_errors(packets);
        self.buffer.tools.totals.send_errors += u64::from(packets);
        self.overflowed |= packets > 0;
    }

    #[inline]
    fn count(&mut self, sent: bool) -> Result<(), SendError> {
        if sent {
            self.record.send_count += 1;
            self.buffer.tools.totals.packets_sent += 1;
            Ok(())
        } else {
            self.record.count_send_error();
            self.buffer.tools.totals.send_errors += 1;
            self.overflowed = true;
            Err(SendError::OutboxFull)
        }
    }
}

fn reply(cmd: u16, flag: u32, data_status: DataStatus, data: &[u8]) -> Reply<'_> {
    Reply { error_id: ErrorId::NONE, data_status: data_status as u8, flag, cmd, data }
}
