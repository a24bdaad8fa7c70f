//! Running workers until all of them are drained, and what becomes of the others when one fails.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::mailboxes::Mailboxes;
use crate::panics;
use crate::reactor::{Reactor, Turn};
use crate::router::Application;

/// The workers of a server that run.
///
/// One that is drained goes on until all are: the others may have clients yet, and what these ask of it is
/// answered.
#[derive(Debug)]
pub(super) struct Crew {
    mailboxes: Mailboxes,
    /// Workers that are not drained, and have not failed.
    serving: AtomicUsize,
}

impl Crew {
    pub(super) fn new(mailboxes: Mailboxes) -> Self {
        Crew { serving: AtomicUsize::new(mailboxes.count()), mailboxes }
    }

    /// Turns a worker until all are drained, or it fails: then its clients are cut off, and the others
    /// drain.
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
        if let (Err(_), Some(said)) = (&turned, panics::take()) {
            log::error!("a worker panicked: {said}");
        }
        panics::catch_all(false);
        let result = turned.unwrap_or_else(|_| Err(io::Error::other("a worker panicked")));
        if result.is_err() {
            // Whatever state it is in, its end must not keep the others from theirs.
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

    /// A worker has failed, or could not be started: nothing waits for it, and the others drain.
    pub(super) fn fail(&self, served: bool) {
        if served {
            self.leave();
        }
        crate::handle::ServerHandle::new(self.mailboxes.clone()).drain();
    }

    /// One worker less serves. The last one wakes those that waited for it.
    fn leave(&self) {
        if self.serving.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.mailboxes.iter().for_each(crate::mailbox::Mailbox::wake);
        }
    }
}
