//! Writes echoed bytes from where they lie: in the read buffer, or in the connection's own.

use std::io::IoSlice;

use super::active::Active;
use super::entry::Entry;
use super::write::{Attempt, attempt};
use crate::cause::Cause;
use crate::conn::{MAX_SLICES, OutputSlices};
use crate::router::Application;

impl<S: Application> Active<'_, S> {
    /// Writes the connection's part of the write buffer at once, with the bytes that it borrowed of `input`
    /// and of its own last message in between. Bytes that the socket does not take are copied to the outbox.
    /// Returns the number of bytes.
    pub(super) fn write_borrowed(&mut self, input: &[u8]) -> usize {
        let (entry, env) = (&mut *self.entry, &self.lent.env);
        let mut offered = 0;
        let mut is_behind = false;
        if entry.conn.cause().is_none() {
            let Entry { socket, conn, writable, .. } = entry;
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let output = OutputSlices {
                out: &env.tools.write_buffer.bytes,
                borrowed: &env.tools.write_buffer.borrowed,
                input,
                held: conn.last_payload(),
            };
            let count = output.slices(env.tools.write_buffer.start, &mut slices);
            let slices = slices.get(..count).unwrap_or_default();
            offered = slices.iter().map(|slice| slice.len()).sum();
            let may_write = *writable && conn.outbox.is_empty();
            let outcome = if may_write {
                attempt(offered, || socket.write_vectored(slices), writable)
            } else {
                Attempt::Took(0)
            };
            match outcome {
                Attempt::Took(written) if written == offered => {
                    conn.record.count_sent(written);
                    env.tools.meter.bytes_sent(written, socket.is_plain());
                    conn.handle_written(written, env.tools.now, &env.settings);
                }
                Attempt::Took(written) => {
                    let whole = slices.iter().map(|slice| &**slice).collect::<Vec<_>>().concat();
                    conn.record.count_sent(written);
                    env.tools.meter.bytes_sent(written, socket.is_plain());
                    if written > 0 {
                        conn.handle_written(written, env.tools.now, &env.settings);
                    }
                    conn.outbox.push_unwritten(&whole, written);
                    is_behind = *writable;
                }
                Attempt::Failed => conn.abort(Cause::Reset),
            }
        }
        self.lent.env.tools.meter.lose_mark();
        if is_behind {
            self.write_outbox();
        }
        self.lent.budget.charge(offered);
        self.lent.env.tools.write_buffer.clear_gathered();
        offered
    }
}
