//! The game of these tests: its clients subscribe and publish as they like.

use sysconn::frame::CloseCode;
use sysconn::packet::ErrorId;
use sysconn::{
    Access, Application, Cause, ConnectionId, Context, Effects, Identity, Login, Module, Outcome, Push,
    Record, Request, Route, Router, SubscribeError, Topic,
};

/// Data → the same.
pub(crate) const ECHO: u16 = 1401;
/// Empty → the connection's id.
pub(crate) const ID: u16 = 1402;
/// A topic of 64 bits → the number of its subscribers.
pub(crate) const SUBSCRIBE: u16 = 1403;
/// A topic → 1 if the connection was subscribed, else 0.
pub(crate) const UNSUBSCRIBE: u16 = 1404;
/// A topic and a text → empty; the text is pushed to all subscribers. ErrorID 6 if that is refused.
pub(crate) const PUBLISH: u16 = 1405;
/// The same, but the publisher does not get it.
pub(crate) const PUBLISH_TO_OTHERS: u16 = 1406;
/// A topic → the number of its subscribers.
pub(crate) const COUNT: u16 = 1407;
/// Empty → the connection's topics, in order.
pub(crate) const TOPICS: u16 = 1408;
/// A role of 64 bits, and whether to take over topics of 8 → empty.
pub(crate) const LOGIN: u16 = 1409;
/// A text → itself, twice; the text is sent, broadcast and published to the connection. ErrorID 100 in the
/// end if the Flag is odd.
pub(crate) const TO_SELF: u16 = 1410;
/// Empty → the connection closes with 4200, and is sent a push.
pub(crate) const CLOSE_SELF: u16 = 1411;
/// A text → the answer of a ticket, and after that a push.
pub(crate) const ANSWER_SELF: u16 = 1412;
/// An id, a topic → empty; that connection is subscribed, and hears of it.
pub(crate) const INVITE: u16 = 1413;
/// An id, a topic → empty; that connection is unsubscribed.
pub(crate) const EXPEL: u16 = 1414;
pub(crate) const PANIC: u16 = 1415;
/// The command of pushes.
pub(crate) const PUSHED: u16 = 1499;

/// The topic that a connection's end is told to.
pub(crate) const ENDS: u64 = 99;
/// The topic that the topics of a replaced connection are told to.
pub(crate) const REPLACED: u64 = 98;

#[derive(Default)]
pub(crate) struct Club;

impl Application for Club {
    type Session = ();

    fn replaced(&mut self, record: &Record, (): &mut (), effects: &mut Effects) {
        let topics = ids(effects.topics_of(record.id()));
        effects.publish(&Topic::from(REPLACED), &Push::new(PUSHED, &topics)).unwrap();
    }

    fn closed(&mut self, record: &Record, _: (), _: Cause, effects: &mut Effects) {
        assert_eq!(effects.topics_of(record.id()).count(), 0, "it has left all topics");
        let push = Push::new(PUSHED, &record.id().to_u64().to_be_bytes());
        effects.publish(&Topic::from(ENDS), &push).unwrap();
    }
}

static MODULE: Module<Club> = Module::new(
    14,
    "club",
    [
        Route::new(ECHO, "echo", Access::Anyone, |_, request, context| context.reply(request.data())),
        Route::new(ID, "id", Access::Anyone, |_, _, context| {
            context.reply(&context.id().to_u64().to_be_bytes())
        }),
        Route::new(SUBSCRIBE, "subscribe", Access::Anyone, subscribe),
        Route::new(UNSUBSCRIBE, "unsubscribe", Access::Anyone, |_, request, context| {
            let (topic, _) = topic(request.data());
            let was_in = context.unsubscribe(&topic);
            assert!(!context.is_subscribed(&topic));
            context.reply(&[u8::from(was_in)])
        }),
        Route::new(PUBLISH, "publish", Access::Anyone, publish),
        Route::new(PUBLISH_TO_OTHERS, "publish_to_others", Access::Anyone, publish),
        Route::new(COUNT, "count", Access::Anyone, |_, request, context| {
            let count = context.subscribers(&topic(request.data()).0);
            context.reply(&(count as u64).to_be_bytes())
        }),
        Route::new(TOPICS, "topics", Access::Anyone, |_, _, context| {
            let data = ids(context.topics());
            context.reply(&data)
        }),
        Route::new(LOGIN, "login", Access::Anyone, login),
        Route::new(TO_SELF, "to_self", Access::Anyone, to_self),
        Route::new(CLOSE_SELF, "close_self", Access::Anyone, |_, _, context| {
            let id = context.id();
            context.effects().close(id, CloseCode::new(4200).unwrap());
            context.effects().send(id, &Push::new(PUSHED, b"after the close"));
            Outcome::Done
        }),
        Route::new(ANSWER_SELF, "answer_self", Access::Anyone, |_, request, context| {
            let (id, text) = (context.id(), request.data().to_vec());
            let ticket = context.defer(request);
            context.effects().send(id, &Push::new(PUSHED, b"before the answer"));
            context.effects().reply(ticket, text);
            context.effects().send(id, &Push::new(PUSHED, b"after the answer"));
            Outcome::Done
        }),
        Route::new(INVITE, "invite", Access::Anyone, |_, request, context| {
            let (id, topic) = of_another(&request);
            context.effects().subscribe(id, &topic).unwrap();
            context.effects().send(id, &Push::new(PUSHED, b"invited"));
            context.reply(b"")
        }),
        Route::new(EXPEL, "expel", Access::Anyone, |_, request, context| {
            let (id, topic) = of_another(&request);
            context.effects().unsubscribe(id, &topic);
            context.effects().send(id, &Push::new(PUSHED, b"expelled"));
            context.reply(b"")
        }),
        Route::new(PANIC, "panic", Access::Anyone, |_, _, _| panic!("as the test asked")),
    ],
);

pub(crate) static CLUB: Router<Club> = Router::new([&MODULE]);

/// The numbers of topics, in order.
fn ids<'a>(topics: impl Iterator<Item = &'a Topic>) -> Vec<u8> {
    let mut ids: Vec<_> = topics.map(|topic| topic.id().unwrap_or(0)).collect();
    ids.sort_unstable();
    ids.into_iter().flat_map(u64::to_be_bytes).collect()
}

/// The topic at the beginning of Data, and the rest.
fn topic(data: &[u8]) -> (Topic, &[u8]) {
    let (topic, rest) = data.split_first_chunk::<8>().expect("a topic");
    (Topic::from(u64::from_be_bytes(*topic)), rest)
}

fn of_another(request: &Request<'_>) -> (ConnectionId, Topic) {
    let (id, rest) = request.data().split_first_chunk::<8>().expect("an id");
    (ConnectionId::from_u64(u64::from_be_bytes(*id)), topic(rest).0)
}

fn subscribe(_: &mut Club, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let (topic, _) = topic(request.data());
    match context.subscribe(&topic) {
        Ok(count) => {
            assert!(context.is_subscribed(&topic));
            context.reply(&(count as u64).to_be_bytes())
        }
        Err(SubscribeError::TooManyForConnection) => Outcome::Refuse(ErrorId(100)),
        Err(_) => Outcome::Refuse(ErrorId::NOT_AVAILABLE),
    }
}

fn publish(_: &mut Club, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let (topic, text) = topic(request.data());
    let (id, push) = (context.id(), Push::new(PUSHED, text));
    let published = if request.cmd() == PUBLISH {
        context.effects().publish(&topic, &push)
    } else {
        context.effects().publish_except(id, &topic, &push)
    };
    match published {
        Ok(()) => context.reply(b""),
        Err(_) => Outcome::Refuse(ErrorId::NOT_AVAILABLE),
    }
}

fn login(_: &mut Club, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some((role_id, [take])) = request.data().split_first_chunk::<8>() else {
        return Outcome::Undecodable;
    };
    let identity = Identity { role_id: u64::from_be_bytes(*role_id), ..Identity::default() };
    context.login(Login { identity, take_topics: *take != 0, ..Login::default() }).unwrap();
    context.reply(b"")
}

fn to_self(_: &mut Club, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let (id, topic) = (context.id(), Topic::from(context.id().to_u64()));
    let push = |what: &str| Push::new(PUSHED, &[what.as_bytes(), request.data()].concat());
    let _ = context.reply(request.data());
    context.subscribe(&topic).unwrap();
    context.effects().send(id, &push("send "));
    context.effects().broadcast([id, id], &push("broadcast "));
    context.effects().publish(&topic, &push("publish ")).unwrap();
    context.effects().publish_except(id, &topic, &push("to others ")).unwrap();
    let _ = context.reply(request.data());
    if request.flag() % 2 == 0 { Outcome::Done } else { Outcome::Refuse(ErrorId(100)) }
}
