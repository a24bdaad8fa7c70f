//! Exchanges the login codes of WeChat for accounts, on threads of its own.
//!
//! A code waits in a bounded [queue](queue), which addresses share, until a thread asks the platform for it.
//! After failures of the platform in a row the [breaker](breaker) refuses codes at once. The secret, the
//! codes and the session keys of the platform are in no log line and no error.

mod answer;
mod breaker;
mod client;
mod queue;
mod refused;
mod report;
mod secret;
#[cfg(test)]
mod turns;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use log::Level;
use sysconn::{LoginTicket, Peer};

use crate::blacklist::{Network, Rules};
use crate::options::{WechatOptions, of_option};
use crate::tally::Tally;
use breaker::Breaker;
use client::{Client, Failure};
use queue::Queue;
use refused::{MAX_REFUSED, Refused};
use report::Report;
use secret::Secret;

/// The most codes that wait for a thread.
const MAX_WAITING_CODES: usize = 256;
/// Threads, each with one connection to the platform.
const THREADS: usize = 4;
/// Bytes of a login code. Those of WeChat have 32.
pub(crate) const MAX_CODE_BYTES: usize = 512;

/// What follows once the platform has named the account. It is called on a thread that may not be blocked for
/// long.
type Then = Box<dyn FnOnce(LoginTicket, String) + Send>;

/// A code that waits.
struct Exchange {
    code: String,
    /// The network whose bad codes are counted.
    counted: Option<Network>,
    ticket: LoginTicket,
    then: Then,
}

/// The exchange of codes, which all workers share. Its threads end when it is dropped.
pub(crate) struct Wechat {
    shared: Arc<Shared>,
    /// Which clients share a network, and in which ones bad codes are counted.
    rules: Rules,
}

/// The codes that wait.
struct Waiting {
    /// By the networks of clients; those on Unix sockets have none.
    codes: Queue<Option<Network>, Exchange>,
    ended: bool,
}

struct Shared {
    client: Client,
    waiting: Mutex<Waiting>,
    /// Notified when a code comes, and at the end.
    changed: Condvar,
    breaker: Mutex<Breaker>,
    refused: Mutex<Refused>,
    report: Report,
    /// Codes that found the queue full and are not reported yet.
    turned_away: AtomicU64,
    /// The same for codes of networks that had too many refused.
    barred: AtomicU64,
}

/// Checks that the file of a secret can be used.
///
/// # Errors
/// One line that says why not.
pub(crate) fn check_secret(path: &Path) -> Result<(), String> {
    Secret::open(path.to_owned()).map(drop).map_err(of_option("wechat-secret-file"))
}

impl Wechat {
    /// Reads the secret and starts the threads.
    ///
    /// # Errors
    /// One line that says why that cannot be done.
    pub(crate) fn start(options: &WechatOptions, rules: Rules) -> Result<Self, String> {
        let shared = Arc::new(Shared {
            client: Client::new(options)?,
            waiting: Mutex::new(Waiting { codes: Queue::new(MAX_WAITING_CODES), ended: false }),
            changed: Condvar::new(),
            breaker: Mutex::default(),
            refused: Mutex::default(),
            report: Report::default(),
            turned_away: AtomicU64::new(0),
            barred: AtomicU64::new(0),
        });
        let wechat = Wechat { shared, rules };
        for number in 0..THREADS {
            let shared = wechat.shared.clone();
            let thread = std::thread::Builder::new().name(format!("wechat-{number}"));
            let spawned = thread.spawn(move || shared.work());
            spawned.map_err(|error| format!("cannot start a thread: {error}"))?;
        }
        Ok(wechat)
    }

    /// Reads the secret again.
    ///
    /// # Errors
    /// One line that says why it cannot be used; then it stays as it was.
    pub(crate) fn reload(&self) -> Result<(), String> {
        self.shared.client.reload()
    }

    /// Whether the breaker refuses codes now.
    pub(crate) fn refuses(&self) -> bool {
        lock(&self.shared.breaker).refuses(now())
    }

    /// Asks the platform whose code it is, and then calls `then` with the account. Otherwise the ticket
    /// refuses: with ErrorID 7 if the code is not good, else with 6, and that at once if too many codes of
    /// the same network wait already or were refused.
    pub(crate) fn exchange(
        &self,
        code: String,
        peer: Peer,
        ticket: LoginTicket,
        then: impl FnOnce(LoginTicket, String) + Send + 'static,
    ) {
        let counted = self.rules.countable(peer);
        if counted.is_some_and(|network| lock(&self.shared.refused).bars(network, now())) {
            self.shared.barred.fetch_add(1, Ordering::Relaxed);
            Tally::WechatTurnedAway.count();
            return;
        }
        let network = self.rules.network(peer);
        let mut waiting = lock(&self.shared.waiting);
        let left = match waiting.codes.is_full() {
            true => waiting.codes.sweep(|exchange| exchange.ticket.is_open()),
            false => Vec::new(),
        };
        let refused = waiting.codes.push(network, Exchange { code, counted, ticket, then: Box::new(then) });
        drop(waiting);
        self.shared.changed.notify_one();
        self.shared.turned_away.fetch_add(u64::from(refused.is_some()), Ordering::Relaxed);
        Tally::WechatTurnedAway.add(refused.is_some().into());
        // Outside of the lock, since dropping a ticket takes one of the reactor.
        drop((left, refused));
    }
}

impl Drop for Wechat {
    fn drop(&mut self) {
        lock(&self.shared.waiting).ended = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn work(&self) {
        while let Some(Exchange { code, counted, ticket, then }) = self.next() {
            self.report_turned_away();
            // A client that has left needs no account, and a breaker that opened meanwhile refuses what
            // waits.
            if !ticket.is_open() || !lock(&self.breaker).admit(now()) {
                continue;
            }
            let result = self.client.exchange(&code);
            self.note(&result);
            match &result {
                Ok(_) => Tally::WechatAccepted.count(),
                Err(Failure::Refused(_)) => Tally::WechatRefused.count(),
                Err(_) => Tally::WechatFailed.count(),
            }
            match result {
                Ok(openid) => then(ticket, openid),
                Err(Failure::Refused(reason)) => {
                    if let Some(network) = counted {
                        lock(&self.refused).note(network, now());
                    }
                    ticket.refuse_login("", 0, &reason.to_string());
                }
                // The ticket is dropped, which refuses with ErrorID 6.
                Err(_) => {}
            }
        }
    }

    /// Waits for a code. `None` at the end.
    fn next(&self) -> Option<Exchange> {
        let mut waiting = lock(&self.waiting);
        loop {
            if let Some(exchange) = waiting.codes.pop() {
                return Some(exchange);
            }
            if waiting.ended {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Has the breaker know how an exchange went, and the log if it failed.
    fn note(&self, result: &Result<String, Failure>) {
        let is_platforms = result.as_ref().is_err_and(Failure::is_platforms);
        let change = lock(&self.breaker).note(is_platforms, now());
        match result {
            Err(Failure::Refused(_)) | Ok(_) => {}
            Err(failure) => {
                self.report.write(failure.level(), now(), &format!("wechat: the login failed: {failure}"));
            }
        }
        if let Some(change) = change {
            log::warn!("wechat: {change}");
        }
    }

    fn report_turned_away(&self) {
        for (count, why) in [
            (&self.turned_away, format_args!("{MAX_WAITING_CODES} waited already")),
            (&self.barred, format_args!("the platform has refused {MAX_REFUSED} codes of their addresses")),
        ] {
            match count.swap(0, Ordering::Relaxed) {
                0 => {}
                count => {
                    let line = format!("wechat: {count} logins were refused, since {why}");
                    self.report.write(Level::Warn, now(), &line);
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No code under these locks can panic half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "these threads read their own clock")]
fn now() -> Instant {
    Instant::now()
}
