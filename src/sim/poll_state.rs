//! What one reactor's poll has not reported yet.

use std::collections::VecDeque;

use mio::Token;

use super::schedule::Source;

/// How many tokens of closed connections are kept for stale events.
const GONE_TOKENS: usize = 64;

/// The state of a poll.
#[derive(Debug, Default)]
pub(super) struct PollState {
    /// Changes that it has not reported, once each.
    pub(super) edges: Vec<Source>,
    /// The waker's token, and since when it waits to be reported.
    pub(super) waker: Option<Token>,
    pub(super) woken: Option<u64>,
    pub(super) gone_tokens: VecDeque<Token>,
    /// When it last returned. Its reactor has slept since then, if another one has had the turn.
    pub(super) returned_at: u64,
}

impl PollState {
    /// Remembers the token of a closed connection, for stale events.
    pub(super) fn note_gone(&mut self, token: Token) {
        if self.gone_tokens.len() == GONE_TOKENS {
            self.gone_tokens.pop_front();
        }
        self.gone_tokens.push_back(token);
    }
}
