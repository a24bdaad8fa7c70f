//! Module 12: chat rooms. Each is a topic, and a message of one member reaches all.
//!
//! Every room has a home, one of the workers, chosen by its name, which publishes all that is said in it. So
//! all members receive the same messages in the same order. In a cluster that holds for what is said on one
//! server; members on other servers get it from there, in its order.

use std::hash::{DefaultHasher, Hash, Hasher};

use sysconn::packet::ErrorId;
use sysconn::{Access, Context, Outcome, Push, Request, Route, Topic, proto};

use super::Gateway;
use crate::cluster::Cluster;
use crate::messages::room;

pub(super) const ROUTES: [Route<Gateway>; 3] = [
    Route::new(room::JOIN, "join", Access::Role, proto!(join)).messages(room::Join::NAME, room::Joined::NAME),
    Route::new(room::LEAVE, "leave", Access::Role, proto!(leave))
        .messages(room::Leave::NAME, room::Left::NAME),
    // What a member says in a row goes to the home of the room at once, and leaves that together.
    Route::new(room::SAY, "say", Access::Role, proto!(say, request))
        .messages(room::Say::NAME, "")
        .unordered(),
];

/// Rooms that one connection may be in.
const MAX_ROOMS: usize = 100;

/// Enters a room, or stays in it. ErrorID 4 for a name that is not 1 to 64 bytes, or one room too many; 6 if
/// the server has too many rooms.
fn join(_: &mut Gateway, message: room::Join, context: &mut Context<'_>) -> Outcome {
    let Some(room) = topic(&message.room) else { return Outcome::Refuse(ErrorId::NOT_ALLOWED) };
    if !context.is_subscribed(&room) && context.topics().count() >= MAX_ROOMS {
        return Outcome::Refuse(ErrorId::NOT_ALLOWED);
    }
    match context.subscribe(&room) {
        Ok(members) => context.reply_message(&room::Joined { members: count(members) }),
        Err(_) => Outcome::Refuse(ErrorId::NOT_AVAILABLE),
    }
}

/// Leaves a room, if the connection is in it.
fn leave(_: &mut Gateway, message: room::Leave, context: &mut Context<'_>) -> Outcome {
    let members = topic(&message.room).map_or(0, |room| {
        context.unsubscribe(&room);
        context.subscribers(&room)
    });
    context.reply_message(&room::Left { members: count(members) })
}

/// Sends a text to all members. It is encoded once, and they share its bytes. With several workers the home
/// of the room sends it, and answers the request before. ErrorID 6 if the home cannot take it.
fn say(
    gateway: &mut Gateway,
    message: room::Say,
    request: Request<'_>,
    context: &mut Context<'_>,
) -> Outcome {
    let Some(topic) = topic(&message.room).filter(|topic| context.is_subscribed(topic)) else {
        return Outcome::Refuse(ErrorId::NOT_ALLOWED);
    };
    let room::Say { room, text } = message;
    let (id, home) = (context.id(), home(&room, gateway.worker.count()));
    let role_id = context.record().role_id();
    let push = Push::message(room::SAID, &room::Said { room, role_id, text });
    if gateway.worker.count() == 1 {
        return match context.effects().publish(&topic, &push) {
            Ok(()) => {
                tell_others(gateway.cluster.as_deref(), &topic, &push);
                context.reply(&[])
            }
            Err(_) => Outcome::Refuse(ErrorId::NOT_AVAILABLE),
        };
    }
    let (ticket, cluster) = (context.defer(request), gateway.cluster.clone());
    // If the home's mailbox is full, the ticket is dropped, and refuses the request with ErrorID 6.
    let _ = gateway.worker.call(home, move |_, effects| match effects.publish_except(id, &topic, &push) {
        Ok(()) => {
            tell_others(cluster.as_deref(), &topic, &push);
            effects.reply(ticket, []);
            effects.send(id, &push);
        }
        Err(_) => effects.refuse(ticket, ErrorId::NOT_AVAILABLE),
    });
    Outcome::Done
}

/// Sends what was said to the members on other servers.
fn tell_others(cluster: Option<&Cluster>, topic: &Topic, said: &Push) {
    if let Some(cluster) = cluster {
        cluster.publish(topic, said);
    }
}

/// The topic of a room. None if its name is not 1 to 64 bytes.
fn topic(room: &str) -> Option<Topic> {
    Topic::name(room).ok().filter(|_| !room.is_empty())
}

/// The number of the worker that is the home of a room.
fn home(room: &str, workers: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    room.hash(&mut hasher);
    (hasher.finish() % workers.max(1) as u64) as usize
}

fn count(members: usize) -> u32 {
    u32::try_from(members).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_worker_is_home_to_some_rooms() {
        for workers in 1..=8 {
            let homes: HashSet<_> = (0..200).map(|room| home(&room.to_string(), workers)).collect();
            assert_eq!(homes, (0..workers).collect());
        }
    }
}
