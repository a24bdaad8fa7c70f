//! Handlers that take a decoded message instead of bytes.

/// Makes the [`Handler`](crate::Handler) of a route from a function that takes a decoded message.
///
/// [`Decode`](crate::packet::Decode) makes the message from the Data of the request. If it fails, the result
/// is [`Outcome::Undecodable`](crate::Outcome::Undecodable), and the function is not called.
/// `typed!(function, request)` is for a function that takes the [`Request`](crate::Request) as well, for
/// instance to defer it.
///
/// ```
/// use sysconn::packet::{Decode, Undecodable};
/// use sysconn::{Access, Application, Context, Module, Outcome, Request, Route, Router, typed};
///
/// struct Game {
///     steps: u64,
/// }
///
/// impl Application for Game {
///     type Session = ();
/// }
///
/// struct Walk {
///     steps: u8,
/// }
///
/// impl Decode for Walk {
///     fn decode(data: &[u8]) -> Result<Self, Undecodable> {
///         match *data {
///             [steps] => Ok(Walk { steps }),
///             _ => Err(Undecodable::Message),
///         }
///     }
/// }
///
/// fn walk(game: &mut Game, message: Walk, context: &mut Context<'_>) -> Outcome {
///     game.steps += u64::from(message.steps);
///     context.reply(&game.steps.to_be_bytes())
/// }
///
/// fn rest(_: &mut Game, _: Walk, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
///     let ticket = context.defer(request);
///     std::thread::spawn(move || ticket.reply("rested"));
///     Outcome::Done
/// }
///
/// static LEGS: Module<Game> = Module::new(
///     20,
///     "legs",
///     [
///         Route::new(2001, "walk", Access::Role, typed!(walk)),
///         Route::new(2002, "rest", Access::Role, typed!(rest, request)),
///     ],
/// );
/// static ROUTES: Router<Game> = Router::new([&LEGS]);
/// # assert!(ROUTES.find(2001).is_some() && ROUTES.find(2002).is_some());
/// ```
#[macro_export]
macro_rules! typed {
    ($function:path) => {
        |state, request, context| match $crate::packet::Decode::decode(request.data()) {
            ::core::result::Result::Ok(message) => $function(state, message, context),
            ::core::result::Result::Err(_) => $crate::Outcome::Undecodable,
        }
    };
    ($function:path, request) => {
        |state, request, context| match $crate::packet::Decode::decode(request.data()) {
            ::core::result::Result::Ok(message) => $function(state, message, request, context),
            ::core::result::Result::Err(_) => $crate::Outcome::Undecodable,
        }
    };
}
