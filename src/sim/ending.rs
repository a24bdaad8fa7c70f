//! The end of a simulation: the server has drained, and nothing of its clients may be left.

use std::time::Duration;

use super::invariant::{Invariant, Violation};
use super::report::{Failure, Report};
use super::run::{CLOSE_LOOK, Run};
use super::simulation::Simulated;

/// Turns after the last client has gone in which what is under way comes to its end.
const LAST_TURNS: u32 = 100;

impl<S: Simulated> Run<'_, S> {
    /// The server has drained: looks at what is left.
    pub(super) fn end(mut self) -> Result<Report, Failure> {
        if let Err(violation) = self.hear_last_words().and_then(|()| self.look_for_left_overs()) {
            return Err(self.failure(violation));
        }
        let Run { reactor, network, mut report, plan, watch, .. } = self;
        drop(reactor);
        let ledger = network.ledger();
        if ledger.open() != 0 || ledger.closed_twice != 0 {
            let seen = format!("{} descriptors are open after the end", ledger.open());
            let violation = Violation::new(Invariant::ClosedOnce, seen);
            let at = network.now();
            return Err(Failure {
                seed: plan.seed,
                clients: plan.clients,
                turn: report.turns,
                at,
                client: None,
                violation,
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

    /// Clients that took nothing do so now, and those that have not come are sent home.
    fn hear_last_words(&mut self) -> Result<(), Violation> {
        // What the end of the last connection left behind is mail for nobody, which may be heard of late.
        for _ in 0..LAST_TURNS {
            if self.reactor.audit_left_over().is_some() {
                self.turn(CLOSE_LOOK)?;
            }
        }
        self.network.advance(Duration::from_secs(1));
        self.now = self.network.now();
        self.take_news()?;
        for number in 0..self.plan.clients {
            let place = self.places.get_mut(number as usize);
            let Some(seat) = place.and_then(|place| place.seat.as_mut()) else { continue };
            seat.player.is_deaf = false;
            seat.line.set_window(usize::MAX);
            // What is on its way arrives as what has arrived is taken.
            self.receive(number)?;
            self.take_news()?;
            let left = self.places.get(number as usize).is_some_and(|place| place.seat.is_some());
            if left {
                self.culprit = Some(number);
                return Err(Violation::new(
                    Invariant::RightEnd,
                    "the server has drained, and the client has no end",
                ));
            }
        }
        Ok(())
    }

    fn look_for_left_overs(&mut self) -> Result<(), Violation> {
        if let Some(violation) = self.watch.take_violation() {
            return Err(violation);
        }
        if let linked @ 1.. = self.watch.linked() {
            return Err(Violation::new(
                Invariant::ToldOnce,
                format!("{linked} objects were not told of an end"),
            ));
        }
        if let Some(left) = self.reactor.audit_left_over() {
            return Err(Violation::new(Invariant::NothingLeft, format!("{left} are left")));
        }
        match self.reactor.state().left_over() {
            Some(left) => Err(Violation::new(Invariant::Application, left)),
            None => Ok(()),
        }
    }
}
