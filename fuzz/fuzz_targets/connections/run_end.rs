//! The end of a run: all accounts must agree.

use std::sync::mpsc::channel;
use std::time::Duration;

use sysconn::{Cause, Record, Turn};

use crate::client::FuzzClient;
use crate::game::ClientAccount;
use crate::run::{CLIENTS, PATIENCE, Run, STEP};

impl Run {
    /// Ends the run by letting all clients leave.
    pub(crate) fn end(mut self) {
        self.complete_work();
        (0..CLIENTS).for_each(|who| self.leave(who));
        self.reactor.act(|game, _| game.owed.clear());
        for _ in 0..PATIENCE {
            if self.reactor.connections() == 0 {
                break;
            }
            self.network.advance(STEP);
            self.turn(STEP);
        }
        assert_eq!(self.reactor.connections(), 0, "a connection does not end");
        let (tell, told) = channel();
        let asked = self.reactor.handle().survey(move |survey| {
            let _ = tell.send(survey.totals());
        });
        assert_eq!(asked, Ok(()));
        self.turn(Duration::ZERO);
        let totals = told.try_recv().expect("a survey");
        assert_eq!(totals.accepted, totals.closed);
        let records = || self.reactor.state().accounts.iter().filter_map(|account| account.closed.as_ref());
        let sum = |of: fn(&Record) -> u64| records().map(|(record, _)| of(record)).sum::<u64>();
        assert_eq!(totals.packets_received, sum(Record::recv_count));
        assert_eq!(totals.packets_sent, sum(Record::send_count));
        assert_eq!(totals.send_errors, sum(Record::error_send));
        assert_eq!(totals.bad_requests, sum(|record| record.bad_req_count().into()));
        self.compare_accounts();
    }

    /// Ends the run by draining.
    pub(crate) fn drain(mut self) {
        self.reactor.handle().drain();
        for _ in 0..PATIENCE {
            for client in self.clients.iter_mut().flatten() {
                client.act();
            }
            // A turn with something to do takes no simulated time.
            self.network.advance(STEP);
            if self.reactor.turn(Some(STEP)).expect("a turn") == Turn::Drained {
                break;
            }
            self.check_turn();
        }
        assert_eq!(self.reactor.connections(), 0, "draining does not end");
        for client in self.clients.iter_mut().flatten() {
            client.act();
        }
        (0..CLIENTS).for_each(|who| self.leave(who));
        self.compare_accounts();
    }

    fn compare_accounts(mut self) {
        let game = self.reactor.act(|game, _| std::mem::take(game));
        drop(self.reactor);
        let ledger = self.network.ledger();
        assert_eq!((ledger.open(), ledger.closed_twice), (0, 0), "descriptors");
        for (port, client) in &self.gone {
            let Some(account) = game.accounts.get(*port) else {
                assert!(client.replies.is_empty(), "replies to a connection that was not opened");
                continue;
            };
            check_replies(client, account, self.drops);
            if account.opened == 0 {
                continue;
            }
            let (record, cause) = account.closed.as_ref().expect("what is opened is closed");
            let refused = u64::from(record.bad_req_count());
            // At most one packet is neither handled nor refused: the one that closes the connection.
            let beside =
                record.recv_count().checked_sub(account.calls + refused).expect("a call without a packet");
            assert!(beside <= 1 || self.limits_rate, "{beside} packets are lost");
            assert!(record.send_count() >= account.taken.max(client.packets), "packets that were not sent");
            assert_eq!(*cause == Cause::Replaced, account.is_replaced, "the cause of what was replaced");
            // One that was replaced may have been closing for another reason already.
            if let Some(code) = client.close.filter(|_| !account.is_replaced) {
                let expected = cause.close_code().map_or(0, |code| code.get());
                assert!(code == expected, "a Close {code} where the cause is {cause:?}");
            }
            assert!(*cause != Cause::Dropped, "a connection that ended with its reactor");
        }
    }
}

/// Checks that the replies that came are a prefix of those sent, or a part of them in order if full outboxes
/// drop.
fn check_replies(client: &FuzzClient, account: &ClientAccount, drops: bool) {
    if drops {
        let mut sent = account.replies.iter();
        assert!(client.replies.iter().all(|reply| sent.any(|one| one == reply)), "a reply that was not sent");
    } else {
        assert!(
            account.replies.starts_with(&client.replies),
            "{:?} of {:?}",
            client.replies,
            account.replies
        );
    }
}
