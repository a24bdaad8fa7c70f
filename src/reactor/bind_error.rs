//! The errors with which binding a reactor fails.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::config::{ConfigError, Listen};

/// The errors with which binding a reactor fails.
#[derive(Debug)]
#[non_exhaustive]
pub enum BindError {
    /// The configuration is not valid.
    Config(ConfigError),
    /// An address cannot be listened on.
    Listen(Listen, io::Error),
    /// An [inherited](crate::config::Inherited) listener cannot be used.
    Inherited(io::Error),
    /// The directory for recordings cannot be used.
    Record(PathBuf, io::Error),
    /// The system refused a resource that every reactor needs.
    System(io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindError::Config(error) => error.fmt(f),
            BindError::Listen(listen, error) => write!(f, "cannot listen on {listen}: {error}"),
            BindError::Inherited(error) => write!(f, "an inherited listener cannot be used: {error}"),
            BindError::Record(path, error) => write!(f, "cannot record to {}: {error}", path.display()),
            BindError::System(error) => write!(f, "cannot start: {error}"),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BindError::Config(error) => Some(error),
            BindError::Listen(_, error)
            | BindError::Inherited(error)
            | BindError::Record(_, error)
            | BindError::System(error) => Some(error),
        }
    }
}

impl From<ConfigError> for BindError {
    fn from(error: ConfigError) -> Self {
        BindError::Config(error)
    }
}

impl From<io::Error> for BindError {
    fn from(error: io::Error) -> Self {
        BindError::System(error)
    }
}
