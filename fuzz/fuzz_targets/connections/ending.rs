//! How a play ends, and what its accounts must come to.

use std::sync::mpsc::channel;
use std::time::Duration;

use sysconn::{Cause, Record, Turn};

use crate::game::Seat;
use crate::play::{PATIENCE, PLAYERS, Play, STEP};
use crate::player::Player;

impl Play {
    /// Ends the play by the clients' leaving, and compares the accounts.
    pub(crate) fn end(mut self) {
        self.settle();
        (0..PLAYERS).for_each(|who| self.leave(who));
        self.reactor.state_mut().owed.clear();
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
        let records = || self.reactor.state().seats.iter().filter_map(|seat| seat.closed.as_ref());
        let sum = |of: fn(&Record) -> u64| records().map(|(record, _)| of(record)).sum::<u64>();
        assert_eq!(totals.packets_received, sum(Record::recv_count));
        assert_eq!(totals.packets_sent, sum(Record::send_count));
        assert_eq!(totals.send_errors, sum(Record::error_send));
        assert_eq!(totals.bad_requests, sum(|record| record.bad_req_count().into()));
        self.close_the_books();
    }

    /// Ends it by draining.
    pub(crate) fn drain(mut self) {
        self.reactor.handle().drain();
        for _ in 0..PATIENCE {
            for player in self.players.iter_mut().flatten() {
                player.act();
            }
            // A turn in which there is something to do takes no time here.
            self.network.advance(STEP);
            if self.reactor.turn(Some(STEP)).expect("a turn") == Turn::Drained {
                break;
            }
            self.check_turn();
        }
        assert_eq!(self.reactor.connections(), 0, "draining does not end");
        for player in self.players.iter_mut().flatten() {
            player.act();
        }
        (0..PLAYERS).for_each(|who| self.leave(who));
        self.close_the_books();
    }

    fn close_the_books(mut self) {
        let game = std::mem::take(self.reactor.state_mut());
        drop(self.reactor);
        let ledger = self.network.ledger();
        assert_eq!((ledger.open(), ledger.closed_twice), (0, 0), "descriptors");
        for (port, player) in &self.gone {
            let Some(seat) = game.seats.get(*port) else {
                assert!(player.replies.is_empty(), "replies to nobody");
                continue;
            };
            check_replies(player, seat, self.drops);
            if seat.opened == 0 {
                continue;
            }
            let (record, cause) = seat.closed.as_ref().expect("what is opened is closed");
            let refused = u64::from(record.bad_req_count());
            // At most one packet is neither handled nor refused: it closes the connection.
            let beside =
                record.recv_count().checked_sub(seat.calls + refused).expect("a call without a packet");
            assert!(beside <= 1 || self.limits_rate, "{beside} packets are lost");
            assert!(record.send_count() >= seat.taken.max(player.packets), "packets that were not sent");
            if let Some(code) = player.close {
                let expected = cause.close_code().map_or(0, |code| code.get());
                assert!(code == expected, "a Close {code} where the cause is {cause:?}");
            }
            assert!(*cause != Cause::Dropped, "a connection that outlived its reactor");
        }
    }
}

/// What has come is the beginning of what was sent, or a part of it in the same order where a full outbox drops.
fn check_replies(player: &Player, seat: &Seat, drops: bool) {
    if drops {
        let mut sent = seat.replies.iter();
        assert!(player.replies.iter().all(|reply| sent.any(|one| one == reply)), "a reply that was not sent");
    } else {
        assert!(seat.replies.starts_with(&player.replies), "{:?} of {:?}", player.replies, seat.replies);
    }
}
