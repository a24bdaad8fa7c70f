//! What a replay gives a connection where the recording does not hold the bytes: their number is all that is used
//! of them, so that they take no time and no memory.

use super::lifecycle::Phase;
use super::{Conn, Env};
use crate::packet::ErrorId;
use crate::recording::note::{Answered, Frame, Note};
use crate::recording::wire::Bytes;
use crate::router::{Application, Outcome};

impl Conn {
    /// Whether whatever comes from the client is thrown away.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Closing(_) | Phase::Closed(_))
    }

    /// [`handle_received`](Self::handle_received), with bytes that lie elsewhere: how much room there was for them depended
    /// on memory that was kept from earlier messages.
    pub(crate) fn replay_received(&mut self, bytes: &[u8]) {
        let Phase::Open(open) = &mut self.phase else { return };
        if let Some(recorder) = self.extras.noting() {
            recorder.begin_call(Note::Direct { bytes: Bytes(bytes.to_vec()) }, None, self.outbox.queued(), 0);
        }
        open.decoder.receive(bytes);
        self.note_end();
    }

    /// [`handle_answer`](Self::handle_answer), with `data` in the place of the Data that was sent.
    pub(crate) fn replay_answer<S: Application>(
        &mut self,
        seq: u64,
        answer: &Answered,
        data: &'static [u8],
        env: &mut Env<S>,
    ) {
        self.note_given(|| Note::Answer { seq, answer: answer.clone() }, env);
        self.go_on_with(seq, env, |context| match answer {
            Answered::Reply { .. } => {
                context.buffer.stand_in(data);
                context.reply(data)
            }
            Answered::Refusal { error_id } => Outcome::Refuse(ErrorId(*error_id)),
        });
        self.note_outcome(env);
    }

    /// [`admits`](Self::admits), of a push that takes `len` bytes with its headers.
    pub(crate) fn replay_push<S>(&mut self, frame: Frame, len: usize, gathered: usize, env: &mut Env<S>) {
        self.note_given(|| Note::Push { gathered: gathered as u64, frame: frame.clone() }, env);
        if self.admits_unseen(len, gathered, env) {
            self.note(|| Note::Sent { frame });
        }
        self.note_outcome(env);
    }
}
