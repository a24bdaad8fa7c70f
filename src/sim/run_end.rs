//! The end of a simulation: the server has drained, and nothing of its clients may be left.

use std::time::Duration;

use super::invariant::{Invariant, Violation};
use super::report::{Failure, Report};
use super::run::{Run, SUSPECT_INTERVAL};
use super::simulation::Simulated;

/// Turns after the last client has gone in which pending work may finish.
const LAST_TURNS: u32 = 100;

impl<S: Simulated> Run<S> {
    /// Checks the state after the drain.
    pub(super) fn end(mut self) -> Result<Report, Failure> {
        if let Err(violation) = self.end_clients().and_then(|()| self.check_nothing_left()) {
            return Err(self.failure(violation));
        }
        let Run { server, network, mut report, plan, watch, .. } = self;
        drop(server);
        let ledger = network.ledger();
        if ledger.open() != 0 || ledger.closed_twice != 0 {
            let seen = format!("{} descriptors are open after the end", ledger.open());
            return Err(Failure {
                seed: plan.seed,
                clients: plan.clients,
                turn: report.turns,
                at: network.now(),
                client: None,
                violation: Violation::new(Invariant::ClosedOnce, seen),
            });
        }
        report.time = network.now();
        report.faults = network.injected();
        report.bytes = ledger.gone.received;
        let totals = watch.totals();
        report.requests = totals.requests;
        report.told = totals.told;
        report.causes = totals.causes;
        Ok(report)
    }

    /// Lets clients that did not read receive the rest; each has to see its end.
    fn end_clients(&mut self) -> Result<(), Violation> {
        // What was mailed to the last connections has no receiver, and its wake-up may come late.
        for _ in 0..LAST_TURNS {
            for worker in 0..self.server.count() {
                if self.server.left_of(worker).is_some() {
                    self.turn(worker, SUSPECT_INTERVAL)?;
                }
            }
        }
        self.network.advance(Duration::from_secs(1));
        self.now = self.network.now();
        self.take_news()?;
        for number in 0..self.plan.clients {
            let Some(session) = self.session(number) else { continue };
            session.runner.has_stopped_receiving = false;
            session.stream.set_window(usize::MAX);
            // Receiving makes space for what is on its way.
            self.receive(number)?;
            self.take_news()?;
            if self.session(number).is_some() {
                self.failed_client = Some(number);
                let seen = "the server has drained, and the client's connection has not ended";
                return Err(Violation::new(Invariant::RightEnd, seen));
            }
        }
        Ok(())
    }

    fn check_nothing_left(&mut self) -> Result<(), Violation> {
        if let Some(violation) = self.watch.take_violation() {
            return Err(violation);
        }
        if let linked @ 1.. = self.watch.linked() {
            let seen = format!("{linked} objects were not told of an end");
            return Err(Violation::new(Invariant::ToldOnce, seen));
        }
        if let Some(left) = (0..self.server.count()).find_map(|worker| self.server.left_of(worker)) {
            return Err(Violation::new(Invariant::NothingLeft, format!("{left} are left")));
        }
        match self.server.left_over() {
            Some(left) => Err(Violation::new(Invariant::Application, left)),
            None => Ok(()),
        }
    }
}
