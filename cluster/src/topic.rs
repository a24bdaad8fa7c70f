//! What a topic is called: a number or a name, as in the library.

/// The most bytes in the name of a topic.
pub const MAX_TOPIC_BYTES: usize = 64;

/// A topic. A number and a name are never the same topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicRef<'a> {
    /// A number.
    Id(u64),
    /// A name of at most [`MAX_TOPIC_BYTES`].
    Name(&'a str),
}
