//! The numbers of causes, refusals and errors in recordings. Once a version of the format has a number, its
//! meaning is fixed.

use crate::cause::Cause;
use crate::frame::{CloseCode, Error};
use crate::packet::Undecodable;
use crate::recording::wire::{Wire, wire_struct};
use crate::upgrade::{Fault, Refusal};

wire_struct! {
    /// Why a connection ended, or why its upgrade was refused.
    struct Reason {
        /// The kind of cause.
        kind: u8,
        /// Its detail: a close code, a status, or the number of an error.
        detail: u16,
    }
}

/// The kinds of [`Reason`] without a detail.
const PLAIN: [(u8, Cause); 15] = [
    (2, Cause::PeerGone),
    (3, Cause::Reset),
    (6, Cause::GoingAway),
    (8, Cause::HandlerFailed),
    (9, Cause::ShortPacket),
    (11, Cause::BadRequests),
    (12, Cause::Idle),
    (13, Cause::NeverLoggedIn),
    (14, Cause::ObjectEnded),
    (15, Cause::ObjectCrashed),
    (16, Cause::Replaced),
    (17, Cause::OutboxFull),
    (18, Cause::ReadTimedOut),
    (19, Cause::Operator),
    (22, Cause::HealthCheck),
];

impl Reason {
    pub(crate) fn of(cause: Cause) -> Self {
        let (kind, detail) = match cause {
            Cause::PeerClosed(code) => (1, code.map_or(0, CloseCode::get)),
            Cause::Refused(Refusal::Application(status)) => (5, status),
            Cause::Refused(refusal) => (4, refusal_number(refusal)),
            Cause::Protocol(error) => (7, error_number(error)),
            Cause::Undecodable(offence) => (10, offence_number(offence)),
            Cause::Application(code) => (20, code.get()),
            Cause::Dropped => (21, 0),
            plain => (PLAIN.iter().find(|(_, cause)| *cause == plain).map_or(0, |(kind, _)| *kind), 0),
        };
        Reason { kind, detail }
    }

    /// The cause with these numbers, if there is one.
    pub(crate) fn cause(&self) -> Option<Cause> {
        let detail = self.detail;
        Some(match self.kind {
            1 if detail == 0 => Cause::PeerClosed(None),
            1 => Cause::PeerClosed(Some(CloseCode::new(detail)?)),
            4 => Cause::Refused(refusal(detail)?),
            5 => Cause::Refused(Refusal::Application(detail)),
            7 => Cause::Protocol(error(detail)?),
            10 => Cause::Undecodable(offence(detail)?),
            20 => Cause::Application(CloseCode::new(detail)?),
            21 => Cause::Dropped,
            kind => PLAIN.iter().find(|(number, _)| *number == kind)?.1,
        })
    }

    /// The refusal, if the reason is one.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        match self.cause()? {
            Cause::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

/// The number of the first fault of a malformed request; other refusals have lower numbers.
const FIRST_FAULT: u16 = 100;

fn refusal_number(refusal: Refusal) -> u16 {
    match refusal {
        Refusal::BadRequest(fault) => FIRST_FAULT + fault as u16,
        other => Refusal::PLAIN.iter().position(|plain| *plain == other).map_or(u16::MAX, |at| at as u16),
    }
}

fn refusal(number: u16) -> Option<Refusal> {
    match number.checked_sub(FIRST_FAULT) {
        Some(fault) => at(&Fault::ALL, fault).map(Refusal::BadRequest),
        None => at(&Refusal::PLAIN, number),
    }
}

/// The number of an error of RFC 6455.
pub(crate) fn error_number(error: Error) -> u16 {
    error as u16
}

pub(crate) fn error(number: u16) -> Option<Error> {
    at(&Error::ALL, number)
}

/// The number of a reason why Data does not decode.
pub(crate) fn offence_number(offence: Undecodable) -> u16 {
    offence as u16
}

pub(crate) fn offence(number: u16) -> Option<Undecodable> {
    at(&Undecodable::ALL, number)
}

fn at<T: Copy>(all: &[T], number: u16) -> Option<T> {
    all.get(usize::from(number)).copied()
}

/// Every cause with all its details, but only one of the many codes and statuses.
#[cfg(test)]
pub(crate) fn every_cause() -> Vec<Cause> {
    let code = CloseCode::new(4100);
    PLAIN
        .iter()
        .map(|(_, cause)| *cause)
        .chain(Error::ALL.map(Cause::Protocol))
        .chain(Undecodable::ALL.map(Cause::Undecodable))
        .chain(Refusal::PLAIN.map(Cause::Refused))
        .chain(Fault::ALL.map(|fault| Cause::Refused(Refusal::BadRequest(fault))))
        .chain([Cause::PeerClosed(None), Cause::PeerClosed(code), Cause::Dropped])
        .chain(code.map(Cause::Application))
        .chain([Cause::Refused(Refusal::Application(451))])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_restored_from_its_numbers() {
        let causes = every_cause();
        let mut seen = vec![];
        for cause in causes {
            let reason = Reason::of(cause);
            assert_eq!(reason.cause(), Some(cause));
            assert!(!seen.contains(&reason), "{cause:?} has the numbers of another");
            seen.push(reason);
        }
        assert_eq!(Reason { kind: 0, detail: 0 }.cause(), None);
        assert_eq!(Reason { kind: 7, detail: 99 }.cause(), None);
    }
}
