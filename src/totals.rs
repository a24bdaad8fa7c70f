//! Counts of a reactor's work since it began.

/// Counts over all connections of a reactor, including ended ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Clients admitted.
    pub accepted: u64,
    /// Admitted clients whose connection has ended.
    pub closed: u64,
    /// Packets received, including bad ones.
    pub packets_received: u64,
    /// Packets written to a socket or to an outbox.
    pub packets_sent: u64,
    /// Packets dropped because they did not fit an outbox, or another worker's mailbox was full.
    pub send_errors: u64,
    /// Subscriptions that a limit on topics refused, or that another worker's mailbox had no room for.
    pub subscribe_errors: u64,
    /// Publishes that a limit on unfinished publishes refused. The first worker's include those of other
    /// threads.
    pub publish_errors: u64,
    /// Bad requests.
    pub bad_requests: u64,
    /// Answers to deferred requests that came after their [deadline](crate::Route::deadline), and were
    /// dropped.
    pub late_answers: u64,
}

impl Totals {
    /// Counts a packet that was received. 64 bits do not wrap: no server runs that long.
    #[inline]
    pub(crate) fn count_packet_in(&mut self) {
        self.packets_received = self.packets_received.wrapping_add(1);
    }

    /// Counts a packet that was sent.
    #[inline]
    pub(crate) fn count_packet_out(&mut self) {
        self.packets_sent = self.packets_sent.wrapping_add(1);
    }
}
