//! One effect: what a handler or another thread asks of connections, as data that the reactor applies.

use super::publish::{HeldByPublish, Publish};
use crate::cause::Cause;
use crate::handle::AnswerRight;
use crate::id::ConnectionId;
use crate::mailbox::Answer;
use crate::push::Push;
use crate::record::Login;
use crate::survey::{SurveyCall, SurveyTour};
use crate::topics::{Receivers, Topic};

/// An action on connections from outside: by a handler, or by another thread.
pub(crate) enum Effect {
    Send {
        to: ConnectionId,
        push: Push,
    },
    Broadcast {
        to: Receivers,
        push: Push,
    },
    Close {
        to: ConnectionId,
        cause: Cause,
    },
    SetDebug {
        to: ConnectionId,
        on: bool,
    },
    SetRecorded {
        to: ConnectionId,
        on: bool,
    },
    Answer {
        right: AnswerRight,
        answer: Answer,
    },
    LogIn {
        to: ConnectionId,
        login: Box<Login>,
    },
    LogOut(ConnectionId),
    /// Sends a publish to the subscribers of this worker.
    Reach {
        to: Receivers,
        push: Push,
        held: HeldByPublish,
    },
    /// A publish that other workers deliver to their subscribers.
    Publish(Box<Publish>),
    /// Subscribes a connection of another worker.
    Subscribe {
        to: ConnectionId,
        topic: Topic,
    },
    /// Unsubscribes a connection of another worker from a topic, or from all.
    Unsubscribe {
        to: ConnectionId,
        topic: Option<Topic>,
        /// Present if the mailbox of that worker was full.
        held: Option<HeldByPublish>,
    },
    /// A hook has subscribed a connection of this worker, which may be gone.
    CheckSubscriber(ConnectionId),
    /// Closes a connection because a newer one has logged in with its role.
    Replace {
        to: ConnectionId,
        /// The newer connection, if it takes over the topics.
        heir: Option<ConnectionId>,
        /// Those that the heir has already, since it is on the same worker.
        topics: Vec<Topic>,
    },
    /// Subscribes a connection to the topics of the connection on another worker that it has replaced.
    Inherit {
        to: ConnectionId,
        topics: Vec<Topic>,
        /// How often they may go on to an heir of that connection.
        steps: u8,
    },
    Survey(SurveyCall),
    SurveyAll(SurveyTour),
}

impl Effect {
    /// The connection that the effect is for. None if it is for several.
    pub(crate) fn receiver(&self) -> Option<ConnectionId> {
        match self {
            Effect::Send { to, .. }
            | Effect::Close { to, .. }
            | Effect::SetDebug { to, .. }
            | Effect::SetRecorded { to, .. }
            | Effect::LogIn { to, .. }
            | Effect::LogOut(to)
            | Effect::Subscribe { to, .. }
            | Effect::Unsubscribe { to, .. }
            | Effect::CheckSubscriber(to)
            | Effect::Inherit { to, .. }
            | Effect::Replace { to, .. } => Some(*to),
            Effect::Answer { right, .. } => Some(right.connection()),
            Effect::Broadcast { .. }
            | Effect::Reach { .. }
            | Effect::Publish(_)
            | Effect::Survey(_)
            | Effect::SurveyAll(_) => None,
        }
    }

    /// Bytes of payload that the effect holds in memory until it is applied.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Effect::Send { push, .. } => push.frame().len(),
            Effect::Publish(publish) => publish.push.frame().len(),
            Effect::Broadcast { to, push } | Effect::Reach { to, push, .. } => {
                push.frame().len().saturating_add(to.len() * size_of::<ConnectionId>())
            }
            Effect::Answer { answer, .. } => answer.bytes(),
            Effect::Subscribe { topic, .. } | Effect::Unsubscribe { topic: Some(topic), .. } => topic.bytes(),
            Effect::Inherit { topics, .. } | Effect::Replace { topics, .. } => {
                topics.iter().map(Topic::bytes).sum()
            }
            Effect::Close { .. }
            | Effect::SetDebug { .. }
            | Effect::SetRecorded { .. }
            | Effect::LogIn { .. }
            | Effect::LogOut(_)
            | Effect::Unsubscribe { topic: None, .. }
            | Effect::CheckSubscriber(_)
            | Effect::Survey(_)
            | Effect::SurveyAll(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_hold_the_bytes_of_their_topics() {
        let to = ConnectionId::new(0, 1, 1);
        let (number, name) = (Topic::from(7), Topic::name(&"x".repeat(64)).unwrap());
        let each = size_of::<Topic>();
        let topics = vec![number.clone(), name.clone()];
        for (effect, expected) in [
            (Effect::Subscribe { to, topic: number }, each),
            (Effect::Unsubscribe { to, topic: Some(name), held: None }, each + 64),
            (Effect::Unsubscribe { to, topic: None, held: None }, 0),
            (Effect::Inherit { to, topics: topics.clone(), steps: 1 }, 2 * each + 64),
            (Effect::Replace { to, heir: None, topics }, 2 * each + 64),
        ] {
            assert_eq!(effect.bytes(), expected);
        }
    }
}
