//! The game of these tests, whose handlers allocate nothing.

use sysconn::packet::{Decode, Encode, ErrorId, Undecodable};
use sysconn::{
    Access, Application, ConnectionId, Context, Identity, Login, Message, Module, Outcome, Push, Request,
    Route, Router, Topic, typed,
};

pub(crate) const ECHO: u16 = 1101;
pub(crate) const SINK: u16 = 1102;
pub(crate) const REFUSE: u16 = 1103;
pub(crate) const TYPED: u16 = 1104;
pub(crate) const PUSH: u16 = 1105;
pub(crate) const EFFECT: u16 = 1106;
pub(crate) const LOGIN: u16 = 1107;
pub(crate) const ROLE: u16 = 1108;
pub(crate) const MONITOR: u16 = 1109;
pub(crate) const SEND: u16 = 1110;
pub(crate) const MESSAGE: u16 = 1111;
/// The number of topics of 16 bits, and whether they are the connection's own of 8 → empty.
pub(crate) const SUBSCRIBE: u16 = 1112;
pub(crate) const UNKNOWN: u16 = 1199;
pub(crate) const FLAG: u32 = 7;

/// How a handler refuses: with the same ErrorID as the packet rate limit.
pub(crate) const REFUSED: ErrorId = ErrorId::TOO_MANY_REQUESTS;

#[derive(Default)]
pub(crate) struct Game {
    /// The connected clients, in the order in which they came.
    ids: Vec<ConnectionId>,
    /// The pushes, encoded once: one of each length.
    pub(crate) pushes: Vec<Push>,
}

impl Application for Game {
    type Session = ();

    fn opened(&mut self, context: &mut Context<'_>) {
        self.ids.push(context.id());
    }
}

/// Data of a typed route, which is neither decoded nor encoded with an allocation: its length.
struct Length(u64);

impl Decode for Length {
    fn decode(data: &[u8]) -> Result<Self, Undecodable> {
        Ok(Length(data.len() as u64))
    }
}

impl Encode for Length {
    fn encode(&self, data: &mut Vec<u8>) {
        data.extend_from_slice(&self.0.to_be_bytes());
    }
}

fn length(_: &mut Game, length: Length, _: &mut Context<'_>) -> Result<Length, ErrorId> {
    Ok(length)
}

/// Pushes to the client that came next after this one, so that each gets as many as it asks for.
fn send(game: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let at = game.ids.iter().position(|&id| id == context.id()).unwrap();
    let to = game.ids[(at + 1) % game.ids.len()];
    context.effects().send(to, &game.pushes[usize::from(request.data()[0])]);
    Outcome::Done
}

/// Asks for a message that carries as many bytes as that push.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Ask {
    #[prost(uint32, tag = "1")]
    pub(crate) push: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Blob {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) bytes: prost::bytes::Bytes,
}

#[cfg(feature = "protobuf")]
fn blob(game: &mut Game, ask: Ask, _: &mut Context<'_>) -> Result<Blob, ErrorId> {
    Ok(Blob { bytes: game.pushes[ask.push as usize].frame().clone() })
}

fn subscribe(_: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some((count, [own])) = request.data().split_first_chunk::<2>() else { return Outcome::Undecodable };
    let first = if *own == 1 { context.id().to_u64() << 8 } else { 0 };
    for topic in 0..u64::from(u16::from_be_bytes(*count)) {
        context.subscribe(&Topic::from(first | topic)).unwrap();
    }
    context.reply(b"")
}

static MODULE: Module<Game> = Module::new(
    11,
    "game",
    [
        Route::new(ECHO, "echo", Access::Anyone, |_, request, context| context.reply(request.data())),
        Route::new(SINK, "sink", Access::If(|_, ()| true), |_, _, _| Outcome::Done),
        Route::new(REFUSE, "refuse", Access::Anyone, |_, _, _| Outcome::Refuse(REFUSED)),
        Route::new(TYPED, "typed", Access::Anyone, typed!(length)),
        Route::new(PUSH, "push", Access::Anyone, |_, request, context| {
            context.push(PUSH, request.data()).unwrap();
            Outcome::Done
        }),
        Route::new(SEND, "send", Access::Anyone, send),
        Route::new(EFFECT, "effect", Access::Anyone, |_, _, context| {
            let id = context.id();
            context.effects().set_debug(id, false);
            Outcome::Done
        }),
        Route::new(SUBSCRIBE, "subscribe", Access::Anyone, subscribe),
        Route::new(LOGIN, "login", Access::Anyone, |_, _, context| {
            let identity = Identity { role_id: context.id().to_u64() | 1, ..Identity::default() };
            context.login(Login { identity, ..Login::default() }).unwrap();
            Outcome::Done
        }),
        Route::new(ROLE, "role", Access::Role, |_, _, _| Outcome::Done),
        #[cfg(feature = "protobuf")]
        Route::new(MESSAGE, "message", Access::Anyone, sysconn::proto!(blob)),
        Route::new(MONITOR, "monitor", Access::Operator, |_, _, _| Outcome::Done),
    ],
);

pub(crate) static ROUTER: Router<Game> = Router::new([&MODULE]);

pub(crate) fn echo(_: &mut Game, message: Message<'_>, context: &mut Context<'_>) -> Outcome {
    context.send_message(message.kind, message.payload).unwrap();
    Outcome::Done
}
