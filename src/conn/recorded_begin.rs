//! A connection as it is when its recording begins: what is noted of it, and what a replay makes of that.

use super::lifecycle::Phase;
use super::recorded_calls::{kind_of, number_of};
use super::{Conn, Deadlines};
use crate::deflate::{Agreement, Deflate};
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::record::{Counted, Peer};
use crate::recording::file::{Begin, Opened, Owed};
use crate::router::Deferral;

/// No connection has got or sent so many packets.
const MAX_COUNT: u64 = 1 << 60;

impl Conn {
    /// Lets the recording begin if the connection is at a point from which it can be replayed.
    pub(super) fn begin_recording(&mut self, now: Moment) {
        let open = match &self.phase {
            Phase::Proxied(_) | Phase::Upgrading(_) if self.record.connected_at() == now => None,
            Phase::Open(open) if open.decoder.is_idle() && !self.extras.has_input() => Some(self.noted()),
            Phase::Proxied(_) | Phase::Upgrading(_) | Phase::Open(_) => return,
            // There is nothing left to be seen.
            Phase::Closing(_) | Phase::Closed(_) => return self.drop_recorder(),
        };
        let begin = Begin {
            now_ms: now.as_ms(),
            connected_ms: self.record.connected_at().as_ms(),
            proxied: matches!(self.phase, Phase::Proxied(_)),
            open,
        };
        if let Some(recorder) = self.extras.recorder() {
            recorder.begin(begin);
        }
    }

    /// What a replay has to know of a connection that is open.
    fn noted(&self) -> Opened {
        let counted = self.record.counted();
        let owed = |Deferral { seq, cmd, flag }| Owed { seq, cmd, flag };
        Opened {
            role_id: counted.role_id,
            kind: number_of(counted.kind),
            recv_count: counted.recv_count,
            send_count: counted.send_count,
            last_recv_count: counted.last_recv_count,
            loop_counter: counted.loop_counter,
            error_send: counted.error_send,
            bad_req_count: counted.bad_req_count,
            deflate: self.extras.compresses(),
            dedicated: self.extras.is_dedicated(),
            ended: self.ended,
            deferral: self.extras.deferral().map(owed),
            deadlines: self.deadlines.noted(),
        }
    }

    /// A connection as it was when a recording of it began.
    pub(crate) fn from_begin(id: ConnectionId, begin: &Begin) -> Option<Self> {
        let connected = Moment::from_ms(begin.connected_ms);
        let Some(opened) = &begin.open else {
            let make = if begin.proxied { Conn::behind_proxy } else { Conn::new };
            return Some(make(id, Peer::Local, connected));
        };
        if opened.recv_count.max(opened.send_count) > MAX_COUNT {
            return None;
        }
        let mut conn = Conn::new(id, Peer::Local, connected);
        conn.phase = Phase::open();
        conn.opened = true;
        conn.ended = opened.ended;
        conn.record.go_on_from(Counted {
            role_id: opened.role_id,
            kind: kind_of(opened.kind)?,
            recv_count: opened.recv_count,
            send_count: opened.send_count,
            last_recv_count: opened.last_recv_count,
            loop_counter: opened.loop_counter,
            error_send: opened.error_send,
            bad_req_count: opened.bad_req_count,
        });
        conn.deadlines = Deadlines::from_noted(&opened.deadlines);
        if let Some(Owed { seq, cmd, flag }) = opened.deferral {
            conn.extras.set_deferral(Some(Deferral { seq, cmd, flag }));
        }
        if opened.deflate {
            // What is inflated is recorded, and what is compressed is not compared: all that matters is what waits for what.
            conn.extras.set_deflate(Deflate::new(Agreement {
                server_no_context_takeover: !opened.dedicated,
                client_no_context_takeover: true,
                server_max_window_bits: None,
            })?);
        }
        Some(conn)
    }
}
