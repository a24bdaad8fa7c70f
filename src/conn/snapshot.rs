//! Saves a connection's state at the start of a recording, and restores it for a replay.

use super::connection::Conn;
use super::deadlines::Deadlines;
use super::deferrals::Deferred;
use super::noted_login::{client_kind_of, number_of_client_kind};
use super::phase::{Open, Phase};
use super::replay::recorded_wait;
use crate::config::MAX_TICKETS;
use crate::deflate::{Agreement, Deflate};
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::record::{Counted, Flag, PacketRate, Peer};
use crate::recording::ReplaySource;
use crate::recording::file::{Begin, Opened, Owed};
use crate::recording::note::{Note, Ticket};
use crate::router::Deferral;

/// More packets than any connection has received or sent.
const MAX_COUNT: u64 = 1 << 43;

impl Conn {
    /// The connection's state, if it can be replayed from here.
    pub(super) fn snapshot(&self, now: Moment) -> Option<Begin> {
        let open = match &self.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) if self.record.connected_at() == now => None,
            Phase::Open(open) if open.decoder.is_idle() && !self.rare.has_input() => Some(self.noted(open)),
            _ => return None,
        };
        Some(Begin {
            now_ms: now.as_ms(),
            connected_ms: self.record.connected_at().as_ms(),
            proxied: matches!(self.phase, Phase::Proxied(_)),
            open,
        })
    }

    /// The state of an open connection that a replay needs.
    fn noted(&self, open: &Open) -> Opened {
        let counted = self.record.counted();
        Opened {
            role_id: counted.role_id,
            kind: number_of_client_kind(counted.kind),
            recv_count: counted.recv_count,
            send_count: counted.send_count,
            last_recv_count: counted.last_recv_count,
            loop_counter: counted.loop_counter,
            error_send: counted.error_send,
            bad_req_count: counted.bad_req_count,
            deflate: self.rare.compresses(),
            dedicated: self.rare.is_dedicated(),
            ended: self.has_ended(),
            deferral: self.plain_deferral(),
            deadlines: open.deadlines.noted(self.record.packet_rate),
        }
    }

    /// The deferred request that the head of a recording can hold.
    fn plain_deferral(&self) -> Option<Owed> {
        let mut deferred = self.rare.deferred();
        let first = deferred.next()?;
        let Deferral { seq, cmd, flag, is_login, .. } = first.deferral;
        let is_plain = !first.is_unordered && first.deadline == Moment::NEVER && !is_login;
        (is_plain && deferred.next().is_none()).then_some(Owed { seq, cmd, flag })
    }

    /// All deferred requests, if the head of a recording cannot hold them.
    pub(super) fn noted_tickets(&self) -> Option<Note> {
        if !self.rare.is_deferred() || self.plain_deferral().is_some() {
            return None;
        }
        let list = self.rare.deferred().map(|deferred| {
            let Deferral { seq, cmd, flag, is_login: login, .. } = deferred.deferral;
            let deadline_ms = (deferred.deadline != Moment::NEVER).then(|| deferred.deadline.as_ms());
            Ticket { seq, cmd, flag, unordered: deferred.is_unordered, deadline_ms, login }
        });
        Some(Note::Tickets { list: list.collect() })
    }

    /// In a replay: restores deferred requests. False if there are more than any connection has.
    pub(crate) fn restore_tickets(&mut self, list: &[Ticket], source: &ReplaySource) -> bool {
        let is_possible = list.len() <= MAX_TICKETS && !self.rare.is_deferred() && self.is_open();
        if is_possible {
            list.iter().for_each(|ticket| self.restore_ticket(ticket, source));
            if let (Some(note), Some(recorder)) = (self.noted_tickets(), self.rare.noting()) {
                recorder.note_before(note);
            }
        }
        is_possible
    }

    fn restore_ticket(&mut self, ticket: &Ticket, source: &ReplaySource) {
        let Ticket { seq, cmd, flag, .. } = *ticket;
        let awaited = recorded_wait(source);
        self.rare.add_deferred(Deferred {
            deferral: Deferral { seq, cmd, flag, is_login: ticket.login, awaited },
            is_unordered: ticket.unordered,
            deadline: ticket.deadline_ms.map_or(Moment::NEVER, Moment::from_ms),
        });
    }

    /// The connection as it was when its recording began.
    pub(crate) fn from_begin(id: ConnectionId, begin: &Begin, deflate_level: u8) -> Option<Self> {
        let connected = Moment::from_ms(begin.connected_ms);
        let Some(opened) = &begin.open else {
            let make = if begin.proxied { Conn::behind_proxy } else { Conn::new };
            return Some(make(id, Peer::Local, connected));
        };
        if opened.recv_count.max(opened.send_count) > MAX_COUNT {
            return None;
        }
        let mut conn = Conn::new(id, Peer::Local, connected);
        conn.phase = Phase::open(Deadlines::from_noted(&opened.deadlines));
        conn.record.set(Flag::OPENED, true);
        conn.record.set(Flag::ENDED, opened.ended);
        conn.record.packet_rate = PacketRate::from_ahead_us(opened.deadlines.packets_ahead_us);
        conn.record.go_on_from(Counted {
            role_id: opened.role_id,
            kind: client_kind_of(opened.kind)?,
            recv_count: opened.recv_count,
            send_count: opened.send_count,
            last_recv_count: opened.last_recv_count,
            loop_counter: opened.loop_counter,
            error_send: opened.error_send,
            bad_req_count: opened.bad_req_count,
        });
        if let Some(Owed { seq, cmd, flag }) = opened.deferral {
            let ticket = Ticket { seq, cmd, flag, ..Ticket::default() };
            conn.restore_ticket(&ticket, &ReplaySource::default());
        }
        if opened.deflate {
            // The results of inflating are recorded, and compressed forms are not compared: here only the
            // replies that wait to be compressed matter.
            let agreement = Agreement {
                server_no_context_takeover: !opened.dedicated,
                client_no_context_takeover: true,
                server_max_window_bits: None,
                client_max_window_bits: None,
            };
            conn.rare.set_deflate(Deflate::new(agreement, deflate_level)?);
        }
        Some(conn)
    }
}
