//! Protobuf messages (prost) as requests, replies and pushes.

use prost::Message;

use crate::handle::{LoginTicket, Ticket};
use crate::packet::{ErrorId, Undecodable};
use crate::push::Push;
use crate::record::Login;
use crate::router::{Context, Effects, LoginError, Outcome, SendError};

/// Makes the [`Handler`](crate::Handler) of a route from a function that takes a protobuf message.
///
/// The function is `f(state, message, context)`, where the message is of any type that implements
/// [`prost::Message`]; with `proto!(f, request)` it takes the [`Request`](crate::Request) as well, for
/// instance to defer it. It returns `Result<M, ErrorId>` with a message `M` for the reply, or `()`, or an
/// [`Outcome`]. The reply is encoded where it leaves from, without an allocation.
///
/// Data that does not decode is [`Outcome::Undecodable`], and the function is not called. No Data is a
/// message with default values, as everywhere in protobuf.
///
/// ```
/// use sysconn::packet::ErrorId;
/// use sysconn::{Access, Application, Context, Module, Outcome, Request, Route, Router, proto};
///
/// #[derive(Clone, PartialEq, prost::Message)]
/// struct Walk {
///     #[prost(uint32, tag = "1")]
///     steps: u32,
/// }
///
/// #[derive(Clone, PartialEq, prost::Message)]
/// struct Walked {
///     #[prost(uint64, tag = "1")]
///     total: u64,
/// }
///
/// struct Game {
///     steps: u64,
/// }
///
/// impl Application for Game {
///     type Session = ();
/// }
///
/// fn walk(game: &mut Game, message: Walk, _: &mut Context<'_>) -> Result<Walked, ErrorId> {
///     if message.steps > 10 {
///         return Err(ErrorId::NOT_ALLOWED);
///     }
///     game.steps += u64::from(message.steps);
///     Ok(Walked { total: game.steps })
/// }
///
/// fn rest(game: &mut Game, _: (), request: Request<'_>, context: &mut Context<'_>) -> Outcome {
///     let (ticket, total) = (context.defer(request), game.steps);
///     std::thread::spawn(move || ticket.reply_message(&Walked { total }));
///     Outcome::Done
/// }
///
/// static LEGS: Module<Game> = Module::new(
///     20,
///     "legs",
///     [
///         Route::new(2001, "walk", Access::Role, proto!(walk)),
///         Route::new(2002, "rest", Access::Role, proto!(rest, request)),
///     ],
/// );
/// static ROUTES: Router<Game> = Router::new([&LEGS]);
/// # assert!(ROUTES.find(2001).is_some() && ROUTES.find(2002).is_some());
/// ```
#[macro_export]
macro_rules! proto {
    ($function:path) => {
        |state, request, context| {
            let function: $crate::MessageFunction<'_, '_, '_, _, _, _, _> = $function;
            match $crate::protobuf::decode(request.data()) {
                ::core::result::Result::Ok(message) => {
                    $crate::protobuf::Answer::answer(function(state, message, context), context)
                }
                ::core::result::Result::Err(_) => $crate::Outcome::Undecodable,
            }
        }
    };
    ($function:path, request) => {
        |state, request, context| {
            let function: $crate::MessageRequestFunction<'_, '_, '_, '_, _, _, _, _> = $function;
            match $crate::protobuf::decode(request.data()) {
                ::core::result::Result::Ok(message) => {
                    $crate::protobuf::Answer::answer(function(state, message, request, context), context)
                }
                ::core::result::Result::Err(_) => $crate::Outcome::Undecodable,
            }
        }
    };
}

/// Decodes the Data of a request.
///
/// # Errors
/// [`Undecodable::Message`] if Data is not such a message.
pub fn decode<M: Message + Default>(data: &[u8]) -> Result<M, Undecodable> {
    M::decode(data).map_err(|_| Undecodable::Message)
}

fn append(message: &impl Message, out: &mut Vec<u8>) {
    // It fails only for want of space, of which a vector has any amount.
    let _ = message.encode(out);
}

/// The result of a handler of [`proto!`](crate::proto).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a handler of `proto!` can return",
    label = "this handler returns `{Self}`",
    note = "it returns `Result<M, ErrorId>` with a message `M` for the reply, `()`, or an `Outcome`"
)]
pub trait Answer {
    /// Replies with the message in the result, if there is one.
    fn answer<Session>(self, context: &mut Context<'_, Session>) -> Outcome;
}

impl Answer for Outcome {
    #[inline]
    fn answer<Session>(self, _: &mut Context<'_, Session>) -> Outcome {
        self
    }
}

impl Answer for () {
    #[inline]
    fn answer<Session>(self, _: &mut Context<'_, Session>) -> Outcome {
        Outcome::Done
    }
}

impl<M: Message> Answer for Result<M, ErrorId> {
    #[inline]
    fn answer<Session>(self, context: &mut Context<'_, Session>) -> Outcome {
        match self {
            Ok(message) => context.reply_message(&message),
            Err(error_id) => Outcome::Refuse(error_id),
        }
    }
}

impl Answer for Result<Outcome, ErrorId> {
    #[inline]
    fn answer<Session>(self, _: &mut Context<'_, Session>) -> Outcome {
        self.unwrap_or_else(Outcome::Refuse)
    }
}

/// Feature `protobuf`.
///
/// Each of these panics if the message's `encoded_len` is wrong, which that of a derived message never is.
impl<Session> Context<'_, Session> {
    /// Replies with a message, like [`reply`](Self::reply).
    pub fn reply_message(&mut self, message: &impl Message) -> Outcome {
        // An overflow is counted, and by the overflow policy may close the connection.
        if let Err(SendError::TooLarge { .. }) = self.try_reply_message(message) {
            self.refuse(ErrorId::NOT_AVAILABLE);
        }
        Outcome::Done
    }

    /// Replies with a message, like [`try_reply`](Self::try_reply).
    ///
    /// # Errors
    /// [`SendError::OutboxFull`]. Nothing was sent then.
    pub fn try_reply_message(&mut self, message: &impl Message) -> Result<(), SendError> {
        self.try_reply_encoded(message.encoded_len(), |out| append(message, out))
    }

    /// Sends an unrequested message to this connection, like [`push`](Self::push).
    ///
    /// # Errors
    /// [`SendError::OutboxFull`]. Nothing was sent then.
    pub fn push_message(&mut self, cmd: u16, message: &impl Message) -> Result<(), SendError> {
        self.push_encoded(cmd, message.encoded_len(), |out| append(message, out))
    }
}

/// Feature `protobuf`.
impl Push {
    /// Encodes a message under `cmd`, like [`new`](Self::new).
    #[must_use]
    pub fn message(cmd: u16, message: &impl Message) -> Self {
        Push::encoded(cmd, message.encoded_len(), |out| append(message, out))
    }
}

/// Feature `protobuf`.
impl<T: Send> Ticket<T> {
    /// Replies with a message, like [`reply`](Self::reply).
    pub fn reply_message(self, message: &impl Message) {
        self.reply(message.encode_to_vec());
    }
}

/// Feature `protobuf`.
impl LoginTicket {
    /// Logs the connection in and replies with a message, like [`login`](Self::login).
    ///
    /// # Errors
    /// As for [`login`](Self::login).
    pub fn login_message(self, login: Login, message: &impl Message) -> Result<(), LoginError> {
        self.login(login, message.encode_to_vec())
    }
}

/// Feature `protobuf`.
impl Effects {
    /// Logs a connection in and replies with a message, like [`reply_login`](Self::reply_login).
    ///
    /// # Errors
    /// As for [`reply_login`](Self::reply_login).
    pub fn reply_login_message(
        &mut self,
        ticket: LoginTicket,
        login: Login,
        message: &impl Message,
    ) -> Result<(), LoginError> {
        self.reply_login(ticket, login, message.encode_to_vec())
    }

    /// Replies to a deferred request with a message, like [`reply`](Self::reply).
    pub fn reply_message<T: Send>(&mut self, ticket: Ticket<T>, message: &impl Message) {
        self.reply(ticket, message.encode_to_vec());
    }
}
