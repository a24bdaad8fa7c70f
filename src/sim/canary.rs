//! Bugs behind a switch: each breaks one invariant, and shows by that that the invariant can fail.

use super::Invariant;

/// A bug in the server's own code that a simulation can switch on. Without the feature `sim` none of them exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Canary {
    /// The socket of a connection that has ended is not closed.
    LeakedSocket,
    /// The application is not told of an end.
    ForgottenEnd,
    /// The linked object is not told of an end.
    ForgottenObject,
    /// A packet is not sent.
    LostPacket,
    /// A packet is sent twice.
    DoubledPacket,
    /// A packet overtakes those that were gathered before it.
    HastyPacket,
    /// What was gathered for one connection goes to another.
    WrongNeighbour,
    /// The last byte of a packet's Data is another.
    GarbledData,
    /// A Ping is answered twice.
    DoubledPong,
    /// A Close frame carries the code 1000, whatever the cause.
    KindCode,
    /// A Pong is not final.
    OpenPong,
    /// A full outbox takes more, and reading does not pause.
    BottomlessOutbox,
    /// The generation of an id is not looked at.
    IgnoredGeneration,
    /// A read that filled its buffer counts as the last one.
    LostEdge,
    /// The poll sleeps longer than until the next deadline.
    Oversleep,
    /// Bytes that a connection sends are not counted against its share of a turn.
    GreedyTurn,
    /// A push is not sent.
    LostPush,
    /// There is always something to do.
    Restless,
    /// The role of a connection that has ended is not free.
    ForgottenRole,
    /// A connection whose role was taken over goes on.
    LostReplacement,
    /// The place of a connection that has ended is not given back.
    ForgottenPlace,
    /// The server's end does not wait for the client's Close.
    HastyEnd,
    /// The client's Close is not found behind the server's.
    MissedAnswer,
}

impl Canary {
    /// Each canary with the invariant that it breaks.
    pub const ALL: [(Canary, Invariant); 23] = [
        (Canary::LeakedSocket, Invariant::ClosedOnce),
        (Canary::ForgottenEnd, Invariant::OneEnd),
        (Canary::ForgottenObject, Invariant::ToldOnce),
        (Canary::LostPacket, Invariant::NoReplyLost),
        (Canary::DoubledPacket, Invariant::NoReplyDoubled),
        (Canary::HastyPacket, Invariant::RepliesInOrder),
        (Canary::WrongNeighbour, Invariant::NoReplyMisdirected),
        (Canary::GarbledData, Invariant::RepliesRight),
        (Canary::DoubledPong, Invariant::PongsInOrder),
        (Canary::KindCode, Invariant::RightEnd),
        (Canary::OpenPong, Invariant::WellFormed),
        (Canary::BottomlessOutbox, Invariant::HeldBytes),
        (Canary::IgnoredGeneration, Invariant::Generations),
        (Canary::LostEdge, Invariant::Progress),
        (Canary::Oversleep, Invariant::PollTimeout),
        (Canary::GreedyTurn, Invariant::TurnBudget),
        (Canary::LostPush, Invariant::Script),
        (Canary::Restless, Invariant::NoSpin),
        (Canary::ForgottenRole, Invariant::NothingLeft),
        (Canary::LostReplacement, Invariant::Application),
        (Canary::ForgottenPlace, Invariant::NothingLeft),
        (Canary::HastyEnd, Invariant::RightEnd),
        (Canary::MissedAnswer, Invariant::RightEnd),
    ];

    /// Of the places where it could sing it takes every so many: a bug that always shows proves little.
    pub(super) const fn every(self) -> u32 {
        match self {
            Canary::LostPacket | Canary::DoubledPacket | Canary::HastyPacket | Canary::GarbledData => 50,
            Canary::WrongNeighbour => 7,
            Canary::LeakedSocket
            | Canary::ForgottenEnd
            | Canary::ForgottenObject
            | Canary::DoubledPong
            | Canary::KindCode
            | Canary::OpenPong
            | Canary::LostPush
            | Canary::ForgottenRole
            | Canary::LostReplacement
            | Canary::ForgottenPlace => 5,
            Canary::BottomlessOutbox
            | Canary::IgnoredGeneration
            | Canary::LostEdge
            | Canary::Oversleep
            | Canary::HastyEnd
            | Canary::MissedAnswer
            | Canary::GreedyTurn
            | Canary::Restless => 1,
        }
    }
}
