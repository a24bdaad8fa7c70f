//! The results that a handler can return, and what follows from each.

use super::context::Context;
use super::outcome::Outcome;
use crate::packet::{Encode, ErrorId};

/// A result of a handler that [`handler!`](crate::handler) or [`typed!`](crate::typed) makes.
///
/// | Result | Effect |
/// | --- | --- |
/// | `Ok(reply)` of a `Result<R, ErrorId>` | a reply with the Data of the message, an [`Encode`] |
/// | `Err(error_id)` of such a result | [`Outcome::Refuse`]: so `?` refuses the request |
/// | `()` | [`Outcome::Done`]: no reply, or those that the handler has sent |
/// | an [`Outcome`], or `Ok(outcome)` | that outcome |
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a handler can return",
    label = "this handler returns `{Self}`",
    note = "it returns `Result<R, ErrorId>` with a reply `R`, `()`, or an `Outcome`"
)]
pub trait IntoOutcome {
    /// Replies, if that is what the result says, and returns the outcome.
    fn into_outcome<Session>(self, context: &mut Context<'_, Session>) -> Outcome;
}

impl IntoOutcome for Outcome {
    #[inline]
    fn into_outcome<Session>(self, _: &mut Context<'_, Session>) -> Outcome {
        self
    }
}

impl IntoOutcome for () {
    #[inline]
    fn into_outcome<Session>(self, _: &mut Context<'_, Session>) -> Outcome {
        Outcome::Done
    }
}

impl<R: Encode> IntoOutcome for Result<R, ErrorId> {
    #[inline]
    fn into_outcome<Session>(self, context: &mut Context<'_, Session>) -> Outcome {
        self.map_or_else(Outcome::Refuse, |reply| context.reply_encoded(&reply))
    }
}

impl IntoOutcome for Result<Outcome, ErrorId> {
    #[inline]
    fn into_outcome<Session>(self, _: &mut Context<'_, Session>) -> Outcome {
        self.unwrap_or_else(Outcome::Refuse)
    }
}

/// Makes the [`Handler`](crate::Handler) of a route from a function that returns any
/// [`IntoOutcome`](crate::IntoOutcome).
///
/// A function that returns an [`Outcome`](crate::Outcome) is a handler without it.
///
/// ```
/// use sysconn::packet::ErrorId;
/// use sysconn::{Access, Application, Context, Module, Request, Route, handler};
///
/// struct Game {
///     scores: Vec<u32>,
/// }
///
/// impl Application for Game {
///     type Session = ();
/// }
///
/// /// One byte, the number of a player → the score, in 4 bytes.
/// fn score(game: &mut Game, request: Request<'_>, _: &mut Context<'_>) -> Result<[u8; 4], ErrorId> {
///     let player = request.data().first().ok_or(ErrorId::NOT_ALLOWED)?;
///     let score = game.scores.get(usize::from(*player)).ok_or(ErrorId::NOT_ALLOWED)?;
///     Ok(score.to_be_bytes())
/// }
///
/// static SCORES: Module<Game> =
///     Module::new(20, "scores", [Route::new(2001, "score", Access::Role, handler!(score))]);
/// # assert_eq!(SCORES.routes().count(), 1);
/// ```
#[macro_export]
macro_rules! handler {
    ($function:path) => {
        |state, request, context| {
            let function: $crate::HandlerFunction<'_, '_, '_, '_, _, _, _> = $function;
            $crate::IntoOutcome::into_outcome(function(state, request, context), context)
        }
    };
}
