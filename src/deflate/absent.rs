//! Stands in for the codec where the library is built without compression: nothing is ever agreed on,
//! so nothing of this can be made.

use super::Agreement;
use crate::frame::Error;

#[derive(Default)]
pub(crate) struct Shared {}

#[derive(Debug)]
pub(crate) enum Deflate {}

impl Deflate {
    pub(crate) fn new(_: Agreement) -> Option<Self> {
        None
    }

    pub(crate) fn inflate(
        &mut self,
        _: &[u8],
        _: &mut Vec<u8>,
        _: usize,
        _: &mut Shared,
    ) -> Result<(), Error> {
        match *self {}
    }

    pub(crate) fn compress<'s>(&mut self, _: &[&[u8]], _: &'s mut Shared) -> &'s [u8] {
        match *self {}
    }
}
