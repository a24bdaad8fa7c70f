//! A presence that keeps what it is told, and checks the order of the calls.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use sysconn::{Config, ConnectionId, Presence, RoleClaim, Topic};

#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    claims: HashMap<u64, RoleClaim>,
    topics: HashSet<Topic>,
    /// The number of the last login.
    last: u64,
    /// All calls, in their order.
    told: Vec<String>,
    wrong: Vec<String>,
}

impl Ledger {
    /// The ledger of a server with this configuration.
    pub(crate) fn of(config: &mut Config) -> Arc<Self> {
        let ledger = Arc::new(Ledger::default());
        config.presence = Some(ledger.clone());
        ledger
    }

    /// The present claim of a role.
    pub(crate) fn claim(&self, role_id: u64) -> Option<RoleClaim> {
        self.0.lock().unwrap().claims.get(&role_id).copied()
    }

    pub(crate) fn holder(&self, role_id: u64) -> Option<ConnectionId> {
        self.claim(role_id).map(|claim| claim.connection)
    }

    /// All claims, in the order of their logins.
    pub(crate) fn claims(&self) -> Vec<RoleClaim> {
        let mut claims: Vec<_> = self.0.lock().unwrap().claims.values().copied().collect();
        claims.sort_by_key(|claim| claim.number);
        claims
    }

    pub(crate) fn has(&self, topic: &Topic) -> bool {
        self.0.lock().unwrap().topics.contains(topic)
    }

    /// What it was told since it was last asked.
    pub(crate) fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().told)
    }

    /// Checks that each end had its beginning, and that nothing is left.
    pub(crate) fn check_empty(&self) {
        let book = self.0.lock().unwrap();
        assert_eq!(book.wrong, [] as [&str; 0]);
        assert!(book.claims.is_empty() && book.topics.is_empty(), "{book:?}");
    }

    fn note(&self, what: &str, of: String, act: impl FnOnce(&mut Book) -> bool) {
        let mut book = self.0.lock().unwrap();
        let told = format!("{what} {of}");
        if !act(&mut book) {
            book.wrong.push(told.clone());
        }
        book.told.push(told);
    }
}

impl Presence for Ledger {
    fn role_entered(&self, claim: RoleClaim) {
        self.note("entered", claim.role_id.to_string(), |book| {
            book.claims.insert(claim.role_id, claim);
            std::mem::replace(&mut book.last, claim.number) < claim.number
        });
    }

    fn role_left(&self, claim: RoleClaim) {
        self.note("left", claim.role_id.to_string(), |book| {
            book.claims.remove(&claim.role_id) == Some(claim)
        });
    }

    fn topic_begun(&self, topic: &Topic) {
        self.note("begun", topic.to_string(), |book| book.topics.insert(topic.clone()));
    }

    fn topic_ended(&self, topic: &Topic) {
        self.note("ended", topic.to_string(), |book| book.topics.remove(topic));
    }
}
