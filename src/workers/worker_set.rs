//! Runs workers until all of them are drained, and drains the others when one fails.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::mailbox::{Mail, Mailbox};
use crate::mailboxes::Mailboxes;
use crate::panics;
use crate::reactor::{Reactor, Turn};
use crate::router::Application;

/// The running workers of a server.
///
/// A drained worker keeps running turns until all are drained: other workers may still have clients, and
/// their requests to it must be answered.
#[derive(Debug)]
pub(super) struct WorkerSet {
    mailboxes: Mailboxes,
    /// Workers that are neither drained nor failed.
    serving: AtomicUsize,
}

impl WorkerSet {
    pub(super) fn new(mailboxes: Mailboxes) -> Self {
        WorkerSet { serving: AtomicUsize::new(mailboxes.count()), mailboxes }
    }

    /// Runs turns of a worker until all are drained, after calling `begin` once. If the worker fails, its
    /// clients are cut off and the others drain.
    pub(super) fn run<S: Application>(
        &self,
        reactor: &mut Reactor<S>,
        begin: impl FnOnce(),
    ) -> io::Result<()> {
        let mut serves = true;
        let turned = catch_unwind(AssertUnwindSafe(|| {
            panics::catch_all(true);
            begin();
            self.turn(reactor, &mut serves)
        }));
        if let (Err(_), Some(message)) = (&turned, panics::take()) {
            log::error!("a worker panicked: {message}");
        }
        panics::catch_all(false);
        let result = turned.unwrap_or_else(|_| Err(io::Error::other("a worker panicked")));
        if result.is_err() {
            // Its state may be broken. A panic here must not keep the other workers from ending.
            let _ = catch_unwind(AssertUnwindSafe(|| reactor.give_up()));
            self.fail(serves);
        }
        result
    }

    fn turn<S: Application>(&self, reactor: &mut Reactor<S>, serves: &mut bool) -> io::Result<()> {
        loop {
            if reactor.turn(None)? == Turn::Running {
                continue;
            }
            if std::mem::take(serves) {
                self.leave();
            }
            if self.serving.load(Ordering::Acquire) == 0 {
                return Ok(());
            }
        }
    }

    /// Stops waiting for a worker that has failed or could not be started, and drains the others. `served`
    /// says whether it still counts as serving.
    pub(super) fn fail(&self, served: bool) {
        if served {
            self.leave();
        }
        self.mailboxes.iter().for_each(|mailbox| mailbox.post_always(Mail::Drain));
    }

    /// Counts one worker as no longer serving. The last one wakes all workers.
    fn leave(&self) {
        if self.serving.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.mailboxes.iter().for_each(Mailbox::wake);
        }
    }
}
