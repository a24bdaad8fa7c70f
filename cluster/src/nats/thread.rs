//! The thread of the bus: one connection after the other, each with a runtime of its own.
//!
//! Nothing of a connection outlives its runtime. So the client library, which would keep what could not be
//! sent and send it later, cannot.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::Shared;
use super::channel::Outgoing;
use super::connect::RETRY;
use super::session::{End, Session};
use crate::bus::Inbox;

/// How often the inbox is told that time has passed.
const TICK: Duration = Duration::from_millis(250);

/// What the thread works with.
pub(super) struct Parts {
    pub(super) shared: Arc<Shared>,
    pub(super) control: Outgoing,
    pub(super) traffic: Outgoing,
}

impl Parts {
    /// Runs until the bus is closed.
    pub(super) fn run(mut self, inbox: &Arc<dyn Inbox>) {
        for number in 1.. {
            let runtime = match Builder::new_current_thread().enable_io().enable_time().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    log::error!(target: crate::LOG, "the cluster's thread cannot wait for events: {error}");
                    std::thread::sleep(TICK);
                    continue;
                }
            };
            let end = self.connection(&runtime, number, inbox);
            // Look-ups of names may go on: nothing waits for them.
            runtime.shutdown_background();
            match end {
                End::Lost => {}
                End::Closed => return,
            }
        }
    }

    /// One connection, from the first try to its end, and to the time for the next one.
    fn connection(&mut self, runtime: &Runtime, number: u64, inbox: &Arc<dyn Inbox>) -> End {
        runtime.block_on(async {
            let session = Session {
                shared: &self.shared,
                control: &mut self.control,
                traffic: &mut self.traffic,
                inbox,
                number,
            };
            let shared = session.shared;
            tokio::select! {
                end = run(session) => end,
                () = ticks(inbox, shared) => End::Lost,
            }
        })
    }
}

/// One connection. It takes [`RETRY`] at least: a server that ends connections at once is not asked more
/// often.
async fn run(session: Session<'_>) -> End {
    let shared = session.shared;
    let next = Instant::now() + RETRY;
    match session.run().await {
        End::Lost => tokio::select! {
            () = sleep_until(next) => End::Lost,
            () = shared.closing.notified() => End::Closed,
        },
        End::Closed => End::Closed,
    }
}

/// Ticks for ever.
async fn ticks(inbox: &Arc<dyn Inbox>, shared: &Shared) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        inbox.tick();
        shared.lines.tell();
    }
}
