//! Names of nodes and of clusters: 1 to 32 characters of `[a-z0-9-]`, so that they can be part of a subject.

use std::fmt;
use std::sync::Arc;

/// The most characters of a name.
pub const MAX_NAME_BYTES: usize = 32;

/// The name of a node. A clone shares it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(Arc<str>);

/// The cluster that a node belongs to, and its own name there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The cluster: part of each subject.
    pub cluster: NodeName,
    /// The node.
    pub node: NodeName,
}

/// A text is no name: it is empty, longer than 32 characters, or has others than `a` to `z`, `0` to `9`, `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameError;

impl NodeName {
    /// The name, if it is one.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn new(name: &str) -> Result<Self, NameError> {
        let is_legal = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.as_bytes().iter().all(is_legal) {
            return Err(NameError);
        }
        Ok(NodeName(name.into()))
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Names {
    /// The names of a cluster and of a node in it.
    ///
    /// # Errors
    /// [`NameError`]: one of them is no name.
    pub fn new(cluster: &str, node: &str) -> Result<Self, NameError> {
        Ok(Names { cluster: NodeName::new(cluster)?, node: NodeName::new(node)? })
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a name has 1 to {MAX_NAME_BYTES} characters of a to z, 0 to 9 and -")
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_into_a_subject() {
        for (name, expected) in [
            ("a", true),
            ("node-1", true),
            ("0123456789abcdefghijklmnopqrstu-", true),
            ("0123456789abcdefghijklmnopqrstu-x", false),
            ("", false),
            ("Node", false),
            ("a.b", false),
            ("*", false),
            (">", false),
            ("a b", false),
            ("é", false),
            ("a\n", false),
        ] {
            assert_eq!(NodeName::new(name).is_ok(), expected, "{name:?}");
        }
    }
}
