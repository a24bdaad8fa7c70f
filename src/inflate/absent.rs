//! Replaces the inflater in a library without compression, where nothing compressed is accepted.

use super::{Fault, Format, Slice};

/// Inflates nothing.
#[derive(Debug)]
pub(crate) struct Inflater {}

impl Inflater {
    pub(crate) fn new() -> Self {
        Inflater {}
    }

    pub(crate) fn begin(&mut self, _: Format, _: &[u8]) {}

    /// Never called.
    pub(crate) fn slice(
        &mut self,
        _: &[u8],
        _: &mut usize,
        _: &mut Vec<u8>,
        _: &[u8],
        _: usize,
    ) -> Result<Slice, Fault> {
        Err(Fault::Broken)
    }
}
