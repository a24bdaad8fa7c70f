//! The progress of a compressed message that needs more than one slice to inflate.

use crate::frame::{Error, MessageKind, Utf8Validator};
use crate::inflate::{Fault, Format, Inflater, Slice};
use crate::metrics::Stamp;
use crate::packet::{REQUEST_HEADER_BYTES, Undecodable};

/// The part of a message that is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The whole message, by permessage-deflate.
    Message(MessageKind),
    /// A packet's Data, after its header (DataStatus 1).
    Data,
}

impl Subject {
    pub(super) fn format(self) -> Format {
        match self {
            Subject::Message(_) => Format::Message,
            Subject::Data => Format::Zlib,
        }
    }

    /// The compressed part of a message.
    pub(super) fn of(self, message: &[u8]) -> &[u8] {
        match self {
            Subject::Message(_) => message,
            Subject::Data => message.get(REQUEST_HEADER_BYTES..).unwrap_or_default(),
        }
    }
}

/// Why inflating failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Message(Error),
    Data(Undecodable),
}

impl Failure {
    fn of(subject: Subject, fault: Fault) -> Self {
        match subject {
            Subject::Message(_) => Failure::Message(fault.into()),
            Subject::Data => Failure::Data(fault.into()),
        }
    }

    pub(super) fn of_message(self) -> Error {
        match self {
            Failure::Message(error) => error,
            Failure::Data(_) => Error::BadDeflate,
        }
    }

    pub(super) fn of_data(self) -> Undecodable {
        match self {
            Failure::Data(offence) => offence,
            Failure::Message(_) => Undecodable::Zlib,
        }
    }
}

/// The progress of inflating a message.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) subject: Subject,
    pub(super) max_len: usize,
    /// The output so far.
    pub(super) out: Vec<u8>,
    /// Bytes of the compressed part that have been read.
    taken: usize,
    text: Utf8Validator,
}

impl Work {
    /// The numbers of bytes read and written so far.
    pub(super) fn done(&self) -> (usize, usize) {
        (self.taken, self.out.len())
    }

    /// Work that has not begun. Its output replaces the contents of `out`.
    pub(super) fn new(subject: Subject, max_len: usize, mut out: Vec<u8>) -> Self {
        out.clear();
        Work { subject, max_len, out, taken: 0, text: Utf8Validator::default() }
    }

    /// Inflates one more slice. None if there is more to do.
    pub(super) fn go_on(
        &mut self,
        message: &[u8],
        inflater: &mut Inflater,
        window: &[u8],
    ) -> Option<Result<(), Failure>> {
        let (subject, before) = (self.subject, self.out.len());
        let slice = inflater.slice(subject.of(message), &mut self.taken, &mut self.out, window, self.max_len);
        let is_done = match slice {
            Ok(slice) => slice == Slice::Done,
            Err(fault) => return Some(Err(Failure::of(subject, fault))),
        };
        if subject == Subject::Message(MessageKind::Text) {
            let checked = self.text.push(self.out.get(before..).unwrap_or_default());
            let checked = checked.and_then(|()| if is_done { self.text.finish() } else { Ok(()) });
            if let Err(error) = checked {
                return Some(Err(Failure::Message(error)));
            }
        }
        is_done.then_some(Ok(()))
    }
}

/// A message that is inflated slice by slice. Later input of the client waits for it.
#[derive(Debug)]
pub(super) struct InflateJob {
    pub(super) work: Work,
    /// The message as received.
    pub(super) message: Vec<u8>,
    /// It waits because all inflaters are in use.
    pub(super) waits: bool,
    /// When the message arrived, if that is measured.
    pub(super) arrived: Stamp,
}
