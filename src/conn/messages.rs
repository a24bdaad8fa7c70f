//! A message on its way from the decoder to the service: inflated, if it was compressed.

use super::Env;
use super::packets::Call;
use crate::cause::Cause;
use crate::frame::{Error, Kind};
use crate::router::{Application, Service};

/// Capacity that the buffer for inflated messages keeps, in bytes.
const KEPT_BYTES: usize = 64 * 1024;

impl Call<'_> {
    /// Handles a message as it came, whose Data may inflate to at most `max_len` bytes. An error
    /// closes the connection.
    #[inline(always)]
    pub(super) fn received<S: Application>(
        &mut self,
        kind: Kind,
        payload: &[u8],
        max_len: usize,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        match env.service {
            Service::Packets(router) => self.packet(router, payload, max_len, env),
            Service::Messages(handler) => self.message(handler, kind, payload, env),
        }
    }

    /// Handles a compressed message, which may inflate to at most `max_len` bytes. An error closes
    /// the connection.
    #[inline(never)]
    pub(super) fn received_compressed<S: Application>(
        &mut self,
        kind: Kind,
        payload: &[u8],
        max_len: usize,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        let mut inflated = std::mem::take(&mut env.inflated);
        env.tools.origin = None;
        let result = match self.inflate_or_look_up(kind, payload, max_len, &mut inflated, env) {
            Ok(()) => {
                env.count_inflated(inflated.len());
                self.received(kind, &inflated, max_len, env)
            }
            Err(error) => {
                self.log_bad_input(None, env, format_args!("{error}"));
                Err(Cause::Protocol(error))
            }
        };
        self.note_inflated_over();
        inflated.clear();
        inflated.shrink_to(KEPT_BYTES);
        env.inflated = inflated;
        result
    }

    /// Inflates a message; in a replay, which has none of it, makes what stands in for it.
    fn inflate_or_look_up<S>(
        &mut self,
        kind: Kind,
        payload: &[u8],
        max_len: usize,
        inflated: &mut Vec<u8>,
        env: &mut Env<S>,
    ) -> Result<(), Error> {
        let result = match self.recorded_inflation(inflated) {
            Some(result) => result,
            None => self.inflate(kind, payload, max_len, inflated, env),
        };
        self.note_inflated(inflated, result, env);
        result
    }

    fn inflate<S>(
        &mut self,
        kind: Kind,
        payload: &[u8],
        max_len: usize,
        inflated: &mut Vec<u8>,
        env: &mut Env<S>,
    ) -> Result<(), Error> {
        // The decoder lets nothing compressed through where that was not agreed on.
        let deflate = self.extras.deflate().ok_or(Error::ReservedBits)?;
        deflate.inflate(payload, inflated, max_len, &mut env.tools.deflate)?;
        match kind {
            Kind::Text if std::str::from_utf8(inflated).is_err() => Err(Error::BadUtf8),
            Kind::Text | Kind::Binary => Ok(()),
        }
    }
}
