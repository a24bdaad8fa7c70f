//! Module 12: chat rooms. A message of one member reaches all.

use std::sync::Arc;

use prost::Message as _;
use sysconn::packet::ErrorId;
use sysconn::{Access, ConnectionId, Context, MailboxError, Outcome, Push, Request, Route, typed};

use super::Gateway;
use super::membership::NotAdmitted;
use super::rooms::{Rooms, home};
use crate::messages::{M1201Toc, M1201Tos, M1202Toc, M1202Tos, M1203Tos, M1210Toc};

pub(super) const ROUTES: [Route<Gateway>; 3] = [
    Route::new(1201, "join", Access::Role, typed!(join, request)),
    Route::new(1202, "leave", Access::Role, typed!(leave, request)),
    Route::new(1203, "say", Access::Role, typed!(say, request)),
];

/// The command of the push that carries a message.
const SAID: u16 = 1210;

/// The output of a room: a reply to the request, and perhaps a push to its members after it.
struct Answer {
    reply: Vec<u8>,
    said: Option<(Vec<ConnectionId>, Push)>,
}

impl Answer {
    fn new(reply: &impl prost::Message) -> Self {
        Answer { reply: reply.encode_to_vec(), said: None }
    }
}

/// Enters a room, or stays in it. ErrorID 4 for a name that is not 1 to 64 bytes, or one room too many.
fn join(
    gateway: &mut Gateway,
    message: M1201Tos,
    request: Request<'_>,
    context: &mut Context<'_>,
) -> Outcome {
    let (id, room) = (context.id(), Arc::<str>::from(message.room));
    let is_new = match gateway.membership.join(id, &room) {
        Ok(is_new) => is_new,
        Err(NotAdmitted) => return Outcome::Refuse(ErrorId::NOT_ALLOWED),
    };
    let joined = room.clone();
    let asked = at_home(gateway, &room, request, context, move |rooms| {
        Ok(Answer::new(&M1201Toc { members: count(rooms.join(id, &joined)) }))
    });
    asked.unwrap_or_else(|_| {
        if is_new {
            gateway.membership.leave(id, &room);
        }
        Outcome::Done
    })
}

/// Leaves a room, if the connection is in it.
fn leave(
    gateway: &mut Gateway,
    message: M1202Tos,
    request: Request<'_>,
    context: &mut Context<'_>,
) -> Outcome {
    let (id, room) = (context.id(), Arc::<str>::from(message.room));
    let was_in = gateway.membership.leave(id, &room);
    let left = room.clone();
    let asked = at_home(gateway, &room, request, context, move |rooms| {
        Ok(Answer::new(&M1202Toc { members: count(rooms.leave(id, &left)) }))
    });
    asked.unwrap_or_else(|_| {
        if was_in {
            // That succeeds: it was in the room until now.
            let _ = gateway.membership.join(id, &room);
        }
        Outcome::Done
    })
}

/// Sends a text to all members. It is encoded once, and they share its bytes.
fn say(gateway: &mut Gateway, message: M1203Tos, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let id = context.id();
    let M1203Tos { room, text } = message;
    if !gateway.membership.is_in(id, &room) {
        return Outcome::Refuse(ErrorId::NOT_ALLOWED);
    }
    let said = M1210Toc { room, role_id: context.record().role_id(), text };
    let push = Push::new(SAID, &said.encode_to_vec());
    let room = said.room.clone();
    let asked = at_home(gateway, &said.room, request, context, move |rooms| {
        let members = rooms.of(&room, id).ok_or(ErrorId::NOT_ALLOWED)?;
        Ok(Answer { reply: vec![], said: Some((members.iter().copied().collect(), push)) })
    });
    asked.unwrap_or(Outcome::Done)
}

/// Runs `act` at the home of a room, and answers the request: at once if there is one worker; otherwise by a
/// ticket, even if this worker is the home, since earlier calls from other workers may wait in its mailbox.
///
/// # Errors
/// The mailbox of the home is full, or it has ended. Then `act` did not run, and the request is refused with
/// ErrorID 6.
fn at_home(
    gateway: &mut Gateway,
    room: &str,
    request: Request<'_>,
    context: &mut Context<'_>,
    act: impl FnOnce(&mut Rooms) -> Result<Answer, ErrorId> + Send + 'static,
) -> Result<Outcome, MailboxError> {
    let workers = gateway.worker.count();
    if workers == 1 {
        return Ok(match act(&mut gateway.rooms) {
            Ok(Answer { reply, said }) => {
                said.into_iter().for_each(|(to, push)| context.effects().broadcast(to, &push));
                context.reply(&reply)
            }
            Err(error_id) => Outcome::Refuse(error_id),
        });
    }
    let ticket = context.defer(request);
    gateway.worker.call(home(room, workers), move |gateway, effects| match act(&mut gateway.rooms) {
        Ok(Answer { reply, said }) => {
            effects.reply(ticket, reply);
            said.into_iter().for_each(|(to, push)| effects.broadcast(to, &push));
        }
        Err(error_id) => effects.refuse(ticket, error_id),
    })?;
    Ok(Outcome::Done)
}

fn count(members: usize) -> u32 {
    u32::try_from(members).unwrap_or(u32::MAX)
}
