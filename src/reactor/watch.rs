//! Switches the packet log and the recording of connections.

use super::core::Core;
use crate::conn::Env;
use crate::id::ConnectionId;
use crate::moment::Moment;
use crate::record::Flag;
use crate::recording::file::Head;
use crate::recording::{Recorder, Target};
use crate::router::Application;

/// Watches a newly accepted connection, if all are timed or recorded.
pub(super) fn watch_from_the_start<S: Application>(core: &mut Core<S>, id: ConnectionId) {
    if core.lent.env.tools.slow.is_on()
        && let Some(entry) = core.connections.get_mut(id)
    {
        entry.conn.record.set(Flag::CLOCK, true);
    }
    if core.recording.as_ref().is_some_and(|recording| !recording.debugged) {
        record(core, id);
    }
}

/// Switches the log of a connection's packets, and also its recording if only connections under debug are
/// recorded.
pub(super) fn set_debug<S: Application>(core: &mut Core<S>, id: ConnectionId, on: bool) {
    let Some(entry) = core.connections.get_mut(id) else { return };
    entry.conn.record.set(Flag::LOG, on);
    if core.recording.as_ref().is_some_and(|recording| recording.debugged) {
        set_recorded(core, id, on);
    }
}

/// Begins or ends the recording of a connection.
pub(super) fn set_recorded<S: Application>(core: &mut Core<S>, id: ConnectionId, on: bool) {
    let Some(entry) = core.connections.get_mut(id) else { return };
    match (on, entry.conn.record.has(Flag::RECORDER)) {
        (true, false) => record(core, id),
        (false, true) => entry.conn.stop_recording(),
        (true, true) | (false, false) => {}
    }
}

fn record<S: Application>(core: &mut Core<S>, id: ConnectionId) {
    let (Some(store), Some(recording)) = (&core.shared.recordings, &core.recording) else { return };
    let Some(entry) = core.connections.get_mut(id) else { return };
    let Env { settings, service, tools, .. } = &core.lent.env;
    let record = &entry.conn.record;
    let unix_ms = |moment: Moment| core.began_unix_ms.saturating_add(moment.as_ms());
    let name = format!("{}-{id}-{}", unix_ms(tools.now), record.peer());
    let head = Head {
        software: env!("CARGO_PKG_VERSION").to_owned(),
        accepted_unix_ms: unix_ms(record.connected_at()),
        id: id.to_string(),
        peer: record.peer().to_string(),
        messages: !service.has_packets(),
        settings: settings.noted(),
        ..Head::default()
    };
    let recorder = Recorder::new(Target::File(store.sink(&name)), head, recording.limit);
    entry.conn.record_with(recorder, tools.now);
}
