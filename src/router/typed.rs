//! Handlers that take a decoded message instead of bytes.

/// Makes the [`Handler`](crate::Handler) of a route from a function that takes a decoded message.
///
/// [`Decode`](crate::packet::Decode) makes the message from the Data of the request. If it fails, the result
/// is [`Outcome::Undecodable`](crate::Outcome::Undecodable), and the function is not called. The function may
/// return any [`IntoOutcome`](crate::IntoOutcome). `typed!(function, request)` is for one that takes the
/// [`Request`](crate::Request) as well, for instance to defer it.
///
/// ```
/// use sysconn::packet::{Decode, ErrorId, Undecodable};
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
/// fn walk(game: &mut Game, message: Walk, _: &mut Context<'_>) -> Result<[u8; 8], ErrorId> {
///     if message.steps > 10 {
///         return Err(ErrorId::NOT_ALLOWED);
///     }
///     game.steps += u64::from(message.steps);
///     Ok(game.steps.to_be_bytes())
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
        |state, request, context| {
            let function: $crate::MessageFunction<'_, '_, '_, _, _, _, _> = $function;
            match $crate::packet::Decode::decode(request.data()) {
                ::core::result::Result::Ok(message) => {
                    $crate::IntoOutcome::into_outcome(function(state, message, context), context)
                }
                ::core::result::Result::Err(_) => $crate::Outcome::Undecodable,
            }
        }
    };
    ($function:path, request) => {
        |state, request, context| {
            let function: $crate::MessageRequestFunction<'_, '_, '_, '_, _, _, _, _> = $function;
            match $crate::packet::Decode::decode(request.data()) {
                ::core::result::Result::Ok(message) => {
                    $crate::IntoOutcome::into_outcome(function(state, message, request, context), context)
                }
                ::core::result::Result::Err(_) => $crate::Outcome::Undecodable,
            }
        }
    };
}
