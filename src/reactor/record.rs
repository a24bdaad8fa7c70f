//! Which connections are watched: their packets in the log, or all that happens to them in a recording.

use super::core::Core;
use crate::conn::Env;
use crate::id::ConnectionId;
use crate::record::Watch;
use crate::recording::file::Head;
use crate::recording::{Recorder, Target};
use crate::router::{Application, Service};

/// Whether, and how, connections are recorded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recording {
    /// Only those under debug.
    pub(super) debugged: bool,
    /// Bytes of one recording.
    pub(super) limit: usize,
}

impl<S: Application> Core<S> {
    /// Has a connection that was just accepted recorded, if all are.
    pub(super) fn record_from_the_start(&mut self, id: ConnectionId) {
        if self.common.recordings.is_some() && !self.recording.debugged {
            self.record(id);
        }
    }

    /// Switches the log of a connection's packets, and its recording where only some are recorded.
    pub(super) fn set_debug(&mut self, id: ConnectionId, on: bool) {
        let Some(entry) = self.slots.get_mut(id) else { return };
        let is_recorded = entry.conn.record.has(Watch::RECORDER);
        entry.conn.record.set(Watch::LOG, on);
        if !self.recording.debugged {
            return;
        }
        match (on, is_recorded) {
            (true, false) => self.record(id),
            (false, true) => entry.conn.stop_recording(),
            (true, true) | (false, false) => {}
        }
    }

    fn record(&mut self, id: ConnectionId) {
        let Some(store) = &self.common.recordings else { return };
        let Some(entry) = self.slots.get_mut(id) else { return };
        let Env { settings, service, .. } = &self.lent;
        let record = &entry.conn.record;
        let began = self.began_unix_ms;
        let unix_ms = |moment: crate::moment::Moment| began.saturating_add(moment.as_ms());
        let name = format!("{}-{id}-{}", unix_ms(self.now), record.peer());
        let head = Head {
            software: env!("CARGO_PKG_VERSION").to_owned(),
            accepted_unix_ms: unix_ms(record.connected_at()),
            id: id.to_string(),
            peer: record.peer().to_string(),
            messages: matches!(service, Service::Messages(_)),
            settings: settings.noted(),
            ..Head::default()
        };
        let recorder = Recorder::new(Target::File(store.sink(&name)), head, self.recording.limit);
        entry.conn.record_with(recorder, self.now);
    }
}
