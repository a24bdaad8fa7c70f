//! A message on its way from the decoder to the service.

use super::Env;
use super::packets::Call;
use crate::cause::Cause;
use crate::frame::MessageKind;
use crate::router::{Application, Service};

impl Call<'_> {
    /// Handles a message as it came, whose Data may inflate to at most `max_len` bytes. An error
    /// closes the connection.
    #[inline(always)]
    pub(super) fn received<S: Application>(
        &mut self,
        kind: MessageKind,
        payload: &[u8],
        max_len: usize,
        env: &mut Env<S>,
    ) -> Result<(), Cause> {
        match env.service {
            Service::Packets(router) => self.packet(router, payload, max_len, env),
            Service::Messages(handler) => self.message(handler, kind, payload, env),
        }
    }
}
