//! What a meter is told of connections, from their arrival to their end.

use super::{Meter, add};
use crate::cause::Cause;
use crate::metrics::labels::{Compression, LoginResult, Timer, TlsResult, status_index};
use crate::metrics::number::Number;
use crate::metrics::worker_numbers::RouteNumbers;
use crate::record::Census;
use crate::totals::Totals;

impl Meter {
    /// A client was admitted.
    pub(crate) fn accepted(&self, listener: usize) {
        if let Some(accepted) = self.numbers().and_then(|numbers| numbers.accepted.get(listener)) {
            accepted.add(1);
        }
    }

    /// An upgrade was refused.
    pub(crate) fn upgrade_refused(&self, status: u16) {
        if let Some(numbers) = self.numbers() {
            add(&numbers.refused, status_index(status), 1);
        }
    }

    /// An admitted client is gone, or has given up its place.
    pub(crate) fn closed(&self, cause: Cause) {
        if let Some(numbers) = self.numbers() {
            // The label is all that it is counted by.
            let index = Cause::ALL.iter().position(|kind| kind.label() == cause.label());
            add(&numbers.closed, index.unwrap_or(usize::MAX), 1);
        }
    }

    /// A connection that was counted as `before` is to be counted as `now`.
    pub(crate) fn recount(&self, before: Census, now: Census) {
        let Some(numbers) = self.numbers() else { return };
        if let Some(place) =
            before.place().and_then(|(state, kind)| numbers.connections.get(state)?.get(kind))
        {
            place.take_off(1);
        }
        if let Some(place) = now.place().and_then(|(state, kind)| numbers.connections.get(state)?.get(kind)) {
            place.add(1);
        }
        numbers.reading_paused.take_off(before.is_paused().into());
        numbers.reading_paused.add(now.is_paused().into());
    }

    /// An outbox that was counted with `before` bytes has `now`; 0 is an empty one.
    pub(crate) fn outbox(&self, before: usize, now: usize) {
        let Some(numbers) = self.numbers() else { return };
        numbers.outbox_bytes.take_off(before as u64);
        numbers.outbox_bytes.add(now as u64);
        numbers.outbox_connections.take_off((before > 0).into());
        numbers.outbox_connections.add((now > 0).into());
    }

    /// A login was accepted or refused.
    pub(crate) fn login(&self, result: LoginResult) {
        if let Some(numbers) = self.numbers() {
            add(&numbers.logins, result as usize, 1);
        }
    }

    /// A timer of a connection has fired.
    pub(crate) fn timer_fired(&self, timer: Timer) {
        if let Some(numbers) = self.numbers() {
            add(&numbers.timers, timer as usize, 1);
        }
    }

    /// A TLS handshake is over.
    pub(crate) fn tls_handshake(&self, result: TlsResult) {
        if let Some(numbers) = self.numbers() {
            add(&numbers.tls, result as usize, 1);
        }
    }

    /// Bytes went into compression, or came out of it.
    pub(crate) fn deflated(&self, what: Compression, bytes: usize) {
        if let Some(numbers) = self.numbers() {
            add(&numbers.deflate, what as usize, bytes as u64);
        }
    }

    /// For simulations, once all connections are gone: how many figures count some that are there, or differ
    /// from the reactor's own.
    pub(crate) fn audit(&self, totals: &Totals) -> usize {
        let Some(numbers) = self.numbers() else { return 0 };
        fn sum<'n>(numbers: impl IntoIterator<Item = &'n Number>) -> u64 {
            numbers.into_iter().map(Number::get).sum()
        }
        let of_routes = |of: fn(&RouteNumbers) -> &[Number]| numbers.routes.iter().flat_map(of);
        let wrong = [
            sum(numbers.connections.iter().flatten()) > 0,
            numbers.outbox_bytes.get() + numbers.outbox_connections.get() > 0,
            numbers.reading_paused.get() + numbers.subscriptions.get() > 0,
            sum(&*numbers.accepted) != totals.accepted || sum(&numbers.closed) != totals.closed,
            sum(of_routes(|route| std::slice::from_ref(&route.received))) != totals.packets_received,
            sum(of_routes(|route| &route.sent)) != totals.packets_sent,
            sum(&numbers.bad_requests) != totals.bad_requests,
            sum(&numbers.send_errors) != totals.send_errors,
        ];
        wrong.into_iter().filter(|is_wrong| *is_wrong).count()
    }
}
