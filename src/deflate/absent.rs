//! Replaces the codec in a library without the feature `deflate`: nothing is negotiated, so no value of
//! [`Deflate`] exists.

use super::offer::Agreement;
use crate::frame::Error;

/// Shares nothing.
#[derive(Default)]
pub struct SharedCodecs {}

/// No window.
#[derive(Debug, Default)]
pub struct Window {}

/// Never made.
#[derive(Debug)]
pub enum Deflate {}

impl Deflate {
    /// Always `None`.
    pub fn new(_: Agreement, _: u8) -> Option<Self> {
        None
    }

    /// Never called.
    pub(crate) fn window(&self) -> &[u8] {
        match *self {}
    }

    /// Never called.
    pub(crate) fn remember(&mut self, _: &[u8]) {
        match *self {}
    }

    /// Never called.
    pub fn inflate(
        &mut self,
        _: &[u8],
        _: &mut Vec<u8>,
        _: usize,
        _: &mut SharedCodecs,
    ) -> Result<(), Error> {
        match *self {}
    }

    /// Never called.
    pub fn compress<'s>(&mut self, _: &[&[u8]], _: &'s mut SharedCodecs) -> &'s [u8] {
        match *self {}
    }

    /// Never called.
    pub fn is_dedicated(&self) -> bool {
        match *self {}
    }

    /// Never called.
    pub fn set_busy(&mut self, _: bool) {
        match *self {}
    }

    /// Never called.
    pub fn is_busy(&self) -> bool {
        match *self {}
    }

    /// Never called.
    pub(crate) fn effort(&self) -> usize {
        match *self {}
    }

    /// Never called.
    pub(crate) fn message_effort(&self) -> usize {
        match *self {}
    }

    /// Never called.
    pub fn trim(&mut self) {
        match *self {}
    }

    /// Never called.
    pub fn compress_slice(&mut self, _: &mut Window, _: &[u8], _: bool, _: &mut Vec<u8>, _: usize) {
        match *self {}
    }
}
