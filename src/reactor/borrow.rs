//! Writing what is echoed from where it lies: in the read buffer, or in its connection's own.

use std::io::IoSlice;

use super::core::Core;
use super::slots::Entry;
use super::write::{Written, attempt};
use crate::cause::Cause;
use crate::conn::{MAX_SLICES, OutputSlices};
use crate::id::ConnectionId;
use crate::router::Application;

impl<S: Application> Core<S> {
    /// Writes at once what a connection has gathered from `start` on, with what it borrowed of `input`
    /// and of its own last message in between. What the socket does not take is copied to the outbox. How many
    /// bytes it was.
    pub(super) fn write_borrowed(&mut self, id: ConnectionId, start: usize, input: &[u8]) -> usize {
        let mut offered = 0;
        let mut out = std::mem::take(&mut self.lent.tools.out);
        if let Some(entry) = self.slots.get_mut(id)
            && entry.conn.cause().is_none()
        {
            let Entry { socket, conn, writable, .. } = entry;
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let gathered = OutputSlices {
                out: &out,
                borrowed: &self.lent.tools.borrowed,
                input,
                held: conn.last_payload(),
            };
            let count = gathered.slices(start, &mut slices);
            let slices = slices.get(..count).unwrap_or_default();
            offered = slices.iter().map(|slice| slice.len()).sum();
            let may_write = *writable && conn.outbox.is_empty();
            let outcome = if may_write {
                attempt(offered, || socket.write_vectored(slices), writable)
            } else {
                Written::Bytes(0)
            };
            match outcome {
                Written::Bytes(written) if written == offered => {
                    conn.record.count_sent(written);
                    conn.handle_written(written, self.now, &self.lent.settings);
                }
                Written::Bytes(written) => {
                    let whole = slices.iter().map(|slice| &**slice).collect::<Vec<_>>().concat();
                    conn.record.count_sent(written);
                    if written > 0 {
                        conn.handle_written(written, self.now, &self.lent.settings);
                    }
                    conn.outbox.push_unwritten(&whole, written);
                    if *writable {
                        self.write_outbox(id);
                    }
                }
                Written::Failed => conn.abort(Cause::Reset),
            }
        }
        self.turn.charge(offered);
        self.lent.tools.borrowed.clear();
        out.truncate(start);
        self.lent.tools.out = out;
        offered
    }
}
