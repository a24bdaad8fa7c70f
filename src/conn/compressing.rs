//! Compresses replies slice by slice while the connection goes on with other work.

use super::connection::Conn;
use super::dispatch::Dispatch;
use super::env::Env;
use super::input::{Compressed, Input};
use super::phase::Phase;
use crate::metrics::Compression;
use crate::push::payload_len;
use crate::recording::note::Note;
use crate::router::{
    Application, COMPRESSED_BYTES_PER_FRAME, CompressJob, CompressorLease, SLICE_BYTES, Tools, WriteBuffer,
};

impl Conn {
    /// Whether a reply is being compressed, so that [`go_on_compressing`](Self::go_on_compressing) has to be
    /// called.
    pub(crate) fn has_job(&self) -> bool {
        self.outbox.job().is_some_and(CompressJob::has_lease) && !matches!(self.phase, Phase::Closed(_))
    }

    /// Gives a waiting connection the right to compress. False if it no longer needs it.
    pub(crate) fn take_lease(&mut self, lease: CompressorLease) -> bool {
        if let Some(job) = self.outbox.job_mut() {
            job.set_lease(lease);
        }
        self.has_job()
    }

    /// Compresses one slice of the next reply, or several short replies. True if more can be written now.
    pub(crate) fn go_on_compressing<S: Application>(&mut self, env: &mut Env<S>) -> bool {
        let (mut left, mut is_more_ready) = (SLICE_BYTES, false);
        while self.has_job()
            && left > 0
            && let Some(job) = self.outbox.job_mut()
        {
            let slice = job.go_on(left, self.rare.deflate());
            // Finishing a message has a cost, however short the message is.
            let cost = slice.cost.max(COMPRESSED_BYTES_PER_FRAME);
            left = left.saturating_sub(cost);
            env.count_compressed(cost);
            env.tools.meter.deflated(Compression::DeflateIn, slice.taken);
            let Some(frame) = slice.frame else { continue };
            env.tools.meter.deflated(Compression::DeflateOut, payload_len(frame.len()));
            self.give(Compressed { frame, left }, env);
            is_more_ready = true;
        }
        is_more_ready
    }

    /// Gives the lease of a finished reply to the next one if that is short enough for this slice. Otherwise
    /// the connection that has waited longest gets it.
    fn hand_on<S: Application>(&mut self, lease: Option<CompressorLease>, left: usize, env: &mut Env<S>) {
        let id = self.record.id;
        let Some(next) = self.outbox.job_mut() else { return };
        let lease = lease.filter(|_| next.rest() <= left).or_else(|| env.tools.leases.ask(id));
        if let Some(lease) = lease {
            next.set_lease(lease);
        }
    }

    /// Whether the end of the connection waits for a reply that is still being compressed.
    pub(super) fn end_waits_for_server(&mut self) -> bool {
        let has_jobs = self.outbox.has_jobs();
        let waits = matches!(
            &self.phase,
            Phase::Closing(closing) if closing.is_writing() && closing.is_compressing(has_jobs)
        );
        if waits {
            self.note(|| Note::Compressing {});
        }
        waits
    }
}

impl<S: Application> Input<Env<S>> for Compressed {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) {
        let frame = std::mem::take(&mut self.frame);
        let lease = conn.outbox.end_job(frame).and_then(|mut job| job.take_lease());
        if let Some(deflate) = conn.rare.deflate() {
            deflate.set_busy(conn.outbox.has_jobs());
        }
        conn.hand_on(lease, self.left, env);
    }
}

impl Dispatch<'_> {
    /// Queues the replies that a handler wants compressed slice by slice, in their order among the gathered
    /// output.
    #[cold]
    pub(super) fn queue_jobs<S: Application>(&mut self, env: &mut Env<S>) {
        let Tools { write_buffer, jobs, leases, .. } = &mut env.tools;
        let WriteBuffer { bytes: out, start, borrowed } = write_buffer;
        debug_assert!(borrowed.is_empty(), "nothing is borrowed where something is compressed");
        let had_jobs = self.outbox.has_jobs();
        let (mut rest, mut passed) = (out.get(*start..).unwrap_or_default(), *start);
        for (at, job) in jobs.drain(..) {
            let (before, behind) = rest.split_at(at.saturating_sub(passed).min(rest.len()));
            self.outbox.push_unwritten(before, 0);
            self.outbox.push_job(job);
            (rest, passed) = (behind, at);
        }
        self.outbox.push_unwritten(rest, 0);
        out.truncate(*start);
        if !had_jobs
            && let Some(job) = self.outbox.job_mut()
            && let Some(lease) = leases.ask(self.record.id)
        {
            job.set_lease(lease);
        }
    }
}
