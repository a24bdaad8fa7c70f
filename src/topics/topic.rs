//! What a topic is called: a number, or a short name.

use std::fmt;
use std::sync::Arc;

/// The most bytes in the name of a topic.
const MAX_NAME_BYTES: usize = 64;

/// A topic, to which connections subscribe: [`Context::subscribe`](crate::Context::subscribe).
///
/// It needs no creation and no end: it exists while it has subscribers. A number and a name are never the
/// same topic. A clone is cheap: it shares the name.
///
/// ```
/// use sysconn::Topic;
///
/// let lobby = Topic::name("lobby")?;
/// let room = Topic::from(17);
/// assert_ne!(lobby, room);
/// # Ok::<(), sysconn::TopicError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A number, whatever it means to the application.
    Id(u64),
    /// A name of at most 64 bytes: see [`Topic::name`].
    Name(TopicName),
}

/// The name of a topic: at most 64 bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TopicName(Arc<str>);

/// Why a text cannot be the name of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicError {
    /// It has more than 64 bytes.
    TooLong,
}

impl Topic {
    /// The topic with a name.
    ///
    /// # Errors
    /// [`TopicError::TooLong`]: the name has more than 64 bytes.
    pub fn name(name: &str) -> Result<Self, TopicError> {
        if name.len() > MAX_NAME_BYTES {
            return Err(TopicError::TooLong);
        }
        Ok(Topic::Name(TopicName(name.into())))
    }

    /// Bytes that it takes, its name included.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Topic>() + if let Topic::Name(name) = self { name.as_str().len() } else { 0 }
    }

    /// The number, unless it is a name.
    #[must_use]
    pub fn id(&self) -> Option<u64> {
        match self {
            Topic::Id(id) => Some(*id),
            Topic::Name(_) => None,
        }
    }
}

impl From<u64> for Topic {
    fn from(id: u64) -> Self {
        Topic::Id(id)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Topic::Id(id) => id.fmt(f),
            Topic::Name(name) => name.as_str().fmt(f),
        }
    }
}

impl TopicName {
    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TopicError::TooLong => "the name of a topic has at most 64 bytes",
        })
    }
}

impl std::error::Error for TopicError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_at_most_64_bytes_and_are_no_numbers() {
        for (name, expected) in [
            (String::new(), true),
            ("é".repeat(32), true),
            ("x".repeat(64), true),
            ("x".repeat(65), false),
            (format!("x{}", "é".repeat(32)), false),
        ] {
            let topic = Topic::name(&name);
            assert_eq!(topic.is_ok(), expected, "{name}");
            assert!(topic.is_err() || topic.unwrap().to_string() == name);
        }
        assert_ne!(Topic::name("7").unwrap(), Topic::from(7));
        assert_eq!(Topic::from(7).to_string(), "7");
        assert_eq!((Topic::from(7).id(), Topic::name("7").unwrap().id()), (Some(7), None));
        assert_eq!(Topic::name("7"), Topic::name("7"));
    }
}
