//! Passes what waits in the channels to the client library, which writes it to NATS.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use async_nats::{Client, Subject as Text};

use super::Shared;
use super::channel::{Item, Outgoing};
use super::probe::{PROBE_TIMEOUT, probe};
use crate::wire::Subject;

/// The writing side of one connection.
pub(super) struct Writer<'a> {
    client: &'a Client,
    shared: &'a Shared,
    control: &'a mut Outgoing,
    traffic: &'a mut Outgoing,
    /// The number of the connection.
    number: u64,
    /// The messages and pushes that the client library has not taken yet. It may be full when the connection
    /// is lost.
    passing_on: usize,
    /// The texts of the buckets that were published to, so that each is made once.
    buckets: BTreeMap<u16, Text>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        client: &'a Client,
        shared: &'a Shared,
        [control, traffic]: [&'a mut Outgoing; 2],
        number: u64,
    ) -> Self {
        Writer { client, shared, control, traffic, number, passing_on: 0, buckets: BTreeMap::new() }
    }

    /// Sends what is in the channels, for ever: roles and heartbeats first.
    pub(super) async fn run(&mut self) {
        loop {
            let item = tokio::select! {
                biased;
                item = self.control.next() => item,
                item = self.traffic.next() => item,
            };
            // A worker that shares its core with this thread goes on first: what it publishes meanwhile is
            // sent in the same write.
            std::thread::yield_now();
            self.send(item).await;
            self.send_waiting().await;
        }
    }

    /// Sends what waits, and waits until the server has it.
    pub(super) async fn flush(&mut self) {
        // What `run` was passing on when it was cut off is gone, and the next message takes its place here.
        self.count_passing_on();
        self.send_waiting().await;
        probe(self.client, self.shared, PROBE_TIMEOUT).await;
    }

    /// Drops what waits, and counts it.
    pub(super) fn clear(&mut self) {
        self.count_passing_on();
        let waiting = self.control.clear() + self.traffic.clear();
        self.count(waiting);
    }

    fn count_passing_on(&mut self) {
        let cut_off = std::mem::take(&mut self.passing_on);
        self.count(cut_off);
    }

    /// Counts messages and pushes that are not sent.
    fn count(&self, unsent: usize) {
        self.shared.unsent.fetch_add(unsent as u64, Ordering::Relaxed);
    }

    async fn send_waiting(&mut self) {
        while let Some(item) = self.next_waiting() {
            self.send(item).await;
        }
    }

    fn next_waiting(&mut self) -> Option<Item> {
        self.control.try_next().or_else(|| self.traffic.try_next())
    }

    async fn send(&mut self, item: Item) {
        self.passing_on = item.count;
        let is_sent = item.connection == self.number && {
            let text = self.text(&item.subject);
            self.client.publish(text, item.payload).await.is_ok()
        };
        let count = std::mem::take(&mut self.passing_on);
        if !is_sent {
            // The connection for which they were accepted has ended.
            self.count(count);
        }
    }

    fn text(&mut self, subject: &Subject) -> Text {
        let cluster = &self.shared.names.cluster;
        match subject {
            Subject::Topic(bucket) => {
                self.buckets.entry(*bucket).or_insert_with(|| subject.text(cluster).into()).clone()
            }
            Subject::Nodes | Subject::Node(_) | Subject::Role(_) | Subject::Roles => {
                subject.text(cluster).into()
            }
        }
    }
}
