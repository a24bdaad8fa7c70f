//! Module 12: rooms, in which whatever one member says reaches all.

use prost::Message as _;
use sysconn::packet::ErrorId;
use sysconn::{Access, Context, Outcome, Push, Route, typed};

use super::membership::NotAdmitted;
use super::{Gateway, reply};
use crate::program::messages::{M1201Toc, M1201Tos, M1202Toc, M1202Tos, M1203Tos, M1210Toc};

pub(super) const ROUTES: [Route<Gateway>; 3] = [
    Route::new(1201, "join", Access::Role, typed!(join)),
    Route::new(1202, "leave", Access::Role, typed!(leave)),
    Route::new(1203, "say", Access::Role, typed!(say)),
];

/// The push that carries what was said.
const SAID: u16 = 1210;

/// Enters a room. To be in it already is as good. ErrorID 4 for a name that is not 1 to 64 bytes, or
/// one room too many.
fn join(gateway: &mut Gateway, message: M1201Tos, context: &mut Context<'_>) -> Outcome {
    match gateway.membership.join(context.id(), &message.room) {
        Ok(members) => reply(context, &M1201Toc { members: count(members) }),
        Err(NotAdmitted) => Outcome::Refuse(ErrorId::NOT_ALLOWED),
    }
}

/// Leaves a room. Not to be in it is as good.
fn leave(gateway: &mut Gateway, message: M1202Tos, context: &mut Context<'_>) -> Outcome {
    let members = gateway.membership.leave(context.id(), &message.room);
    reply(context, &M1202Toc { members: count(members) })
}

/// Sends a text to all members. It is encoded once, and its bytes are shared.
fn say(gateway: &mut Gateway, message: M1203Tos, context: &mut Context<'_>) -> Outcome {
    let M1203Tos { room, text } = message;
    let Some(members) = gateway.membership.of(&room, context.id()) else {
        return Outcome::Refuse(ErrorId::NOT_ALLOWED);
    };
    let said = M1210Toc { room, role_id: context.record().role_id(), text };
    let push = Push::new(SAID, &said.encode_to_vec());
    context.effects().broadcast(members.iter().copied(), push);
    context.reply(&[])
}

fn count(members: usize) -> u32 {
    u32::try_from(members).unwrap_or(u32::MAX)
}
