//! `/healthz` and `/readyz`: whether the program works, and whether it takes clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::StatusCode;

use super::watchdog::{Stall, Watchdog};
use crate::cluster::Cluster;
use crate::http::{Answer, line};

/// What health checks look at.
pub(super) struct Health {
    pub(super) is_draining: Arc<AtomicBool>,
    pub(super) watchdog: Arc<Watchdog>,
    pub(super) cluster: Option<Arc<Cluster>>,
}

impl Health {
    pub(super) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    /// The stalls that go on.
    pub(super) fn stalls(&self) -> Vec<Stall> {
        self.watchdog.stalls()
    }

    /// Whether the program works: 503 while a worker is stuck.
    pub(super) fn live(&self) -> Answer {
        match self.watchdog.stuck() {
            None => line(StatusCode::OK, "ok"),
            Some(stall) => line(StatusCode::SERVICE_UNAVAILABLE, &describe(&stall)),
        }
    }

    /// Whether it takes clients: 503 while it drains, from the signal on, and while the cluster asks for
    /// that, too.
    pub(super) fn ready(&self) -> Answer {
        if self.is_draining() {
            return line(StatusCode::SERVICE_UNAVAILABLE, "draining");
        }
        if let Some(problem) = self.cluster.as_ref().and_then(|cluster| cluster.problem()) {
            return line(StatusCode::SERVICE_UNAVAILABLE, &problem);
        }
        self.live()
    }
}

fn describe(stall: &Stall) -> String {
    let seconds = stall.lasted.as_secs();
    match stall.cmd {
        Some(cmd) => format!("worker {} hangs in command {cmd} for {seconds} s", stall.worker),
        None => format!("worker {} hangs ({}) for {seconds} s", stall.worker, stall.work),
    }
}
