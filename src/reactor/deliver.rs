//! Delivers mail from other threads.

use super::budget::{STEP_BYTES, Step};
use super::call_state::call_state;
use super::core::Core;
use super::drain::announce_drain;
use super::effects;
use super::requester::Requester;
use super::roles::{answer_request, replace_role, send_to_role};
use super::send::call;
use super::topics::end_wait;
use crate::mailbox::Mail;
use crate::router::{Application, Effect};

/// The most mails that one turn delivers.
const TURN_MAILS: usize = 4096;
/// Bytes of a mail that count as another one.
const MAIL_BYTES: usize = 32 * 1024;

/// Collects and delivers mail, within the limits of the turn.
pub(super) fn deliver_mail<S: Application>(core: &mut Core<S>) {
    core.mail.collect(&core.lent.env.tools.mailbox);
    let mut done = 0;
    while done < TURN_MAILS
        && core.lent.budget.allows(Step::Mail, done)
        && !core.lent.fan_outs.hold_back_mail()
    {
        let Some(mail) = core.mail.pop() else { break };
        done += 1 + deliver(core, mail) / MAIL_BYTES;
        core.lent.budget.charge(STEP_BYTES);
    }
    effects::apply(core, Requester::Mail);
}

/// Delivers a mail. Returns the bytes of payload that it has brought.
fn deliver<S: Application>(core: &mut Core<S>, mail: Mail) -> usize {
    let bytes = mail.bytes();
    match mail {
        Mail::Effect(effect @ (Effect::LogIn { .. } | Effect::Replace { .. })) => {
            effects::apply_one(core, Requester::Mail, effect);
            // What the hook for a replaced connection asks for comes before any later mail.
            effects::apply(core, Requester::Mail);
        }
        Mail::Effect(effect) => effects::apply_one(core, Requester::Mail, effect),
        Mail::Answered { to, seq } => {
            let waiting = core.connections.get(to);
            let Some(answer) = waiting.and_then(|entry| entry.conn.take_answer(seq)) else { return bytes };
            let bytes = answer.bytes();
            answer_request(core, Requester::Mail, to, seq, answer);
            effects::apply(core, Requester::Mail);
            return bytes;
        }
        Mail::ObjectEnded { to, number, cause } => {
            call(core, to, |entry, env| entry.conn.handle_object_end(number, cause, env));
        }
        Mail::CallState(call) => {
            call_state(core, call);
            // Apply them before any other mail: whoever sends later mail must find the call's effects done.
            effects::apply(core, Requester::Mail);
        }
        Mail::SendToRole { role_id, push } => send_to_role(core, role_id, push),
        Mail::ReplaceRole(claim) => {
            replace_role(core, claim);
            effects::apply(core, Requester::Mail);
        }
        Mail::PublishEnded(by) => end_wait(core, by),
        #[cfg(feature = "tls")]
        Mail::SetTls(tls) => core.listeners.set_tls(tls),
        Mail::Drain => announce_drain(core),
    }
    bytes
}
