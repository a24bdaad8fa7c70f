//! Why bytes are no message.

use std::fmt;

/// Why a payload was not read. It is then ignored and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// It ends within the header.
    Short,
    /// It is longer than a message of its kind may be.
    Long,
    /// The sender's name is none.
    Name,
    /// It has another version of the format than this node reads.
    Version(u8),
    /// The format has no such kind.
    Kind(u8),
    /// What follows the header is not the protobuf message of its kind.
    Body,
    /// A field has a value that it must not have.
    Field,
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::Short => f.write_str("it ends within the header"),
            WireError::Long => f.write_str("it is longer than its kind may be"),
            WireError::Name => f.write_str("the sender's name is none"),
            WireError::Version(version) => write!(f, "version {version} of the format is not known"),
            WireError::Kind(kind) => write!(f, "kind {kind} is not known"),
            WireError::Body => f.write_str("the body is no protobuf message of its kind"),
            WireError::Field => f.write_str("a field has a value that it must not have"),
        }
    }
}

impl std::error::Error for WireError {}
