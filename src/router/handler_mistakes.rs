//! Programming mistakes of handlers, logged once for each of them.

use std::collections::BTreeSet;
use std::fmt;

use log::Level;
use log::kv::Value;

use crate::log_line;

/// A mistake that the library can only find when the handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HandlerMistake {
    /// A handler replied through its context to a request that it also deferred.
    AnsweredTwice,
    /// A route that [owes a reply](super::Route::replies) neither replied to a request nor deferred it.
    Unanswered,
    /// A refusal carried Data, but its [route does not say so](super::Route::refusals_carry_data).
    RefusalData,
}

impl HandlerMistake {
    fn text(self) -> &'static str {
        match self {
            HandlerMistake::AnsweredTwice => {
                "a deferred request was also replied to: its client gets two answers"
            }
            HandlerMistake::Unanswered => "a request was left without the reply that its route owes",
            HandlerMistake::RefusalData => "the Data of a refusal was left out: its route does not allow any",
        }
    }
}

/// The mistakes that have been logged, one of each kind for each handler.
#[derive(Default)]
pub(crate) struct HandlerMistakes {
    /// With the command, or 0 where one handler has all of them.
    logged: BTreeSet<(u16, HandlerMistake)>,
    has_one_handler: bool,
}

impl HandlerMistakes {
    /// The mistakes of a service. Where one handler has all commands (`has_one_handler`), clients choose
    /// among them, so each mistake is logged once, with the command that it was first found with.
    pub(crate) fn new(has_one_handler: bool) -> Self {
        HandlerMistakes { logged: BTreeSet::new(), has_one_handler }
    }

    /// Logs a mistake in the handler of a command, unless it was logged before.
    #[cold]
    pub(crate) fn report(&mut self, cmd: u16, name: &str, mistake: HandlerMistake) {
        let handler = if self.has_one_handler { 0 } else { cmd };
        if !self.logged.insert((handler, mistake)) {
            return;
        }
        let fields = [
            ("cmd", Value::from(cmd)),
            ("route", Value::from(name)),
            ("mistake", Value::from(mistake.text())),
        ];
        log_line::write(Level::Error, "programming mistake", &fields);
    }

    /// The mistakes that have been logged.
    #[cfg(test)]
    pub(crate) fn logged(&self) -> Vec<(u16, HandlerMistake)> {
        self.logged.iter().copied().collect()
    }
}

impl fmt::Debug for HandlerMistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerMistakes").field("logged", &self.logged.len()).finish()
    }
}
