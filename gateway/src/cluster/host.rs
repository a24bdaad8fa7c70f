//! What other servers of the cluster ask of this one. It is called on the cluster's thread, and never waits.

use std::sync::{Arc, OnceLock};

use prost::Message;
use sysconn::packet::ErrorId;
use sysconn::{ConnectionId, Effects, Push, ServerHandle};
use sysconn_cluster::{
    BlacklistRecord, Delivery, Holder, Host, Request, Responder, RoleIdAnswer, RoleIdRequest, Stamp,
    TopicRef, UsedTokenAnswer, UsedTokenRequest, What,
};

use super::Keeper;
use super::presence::{claim, topic};
use crate::auth::UsedToken;
use crate::blacklist::Blacklist;
use crate::messages::monitor;
use crate::modules::Gateway;
use crate::modules::monitor::{Act, Operator, Space, look_and_act, look_at_page, look_at_stats};
use crate::store::accounts::AccountKey;

/// The game of this server, as the cluster sees it.
pub(super) struct Game {
    pub(super) name: String,
    /// Empty until it listens.
    pub(super) server: Arc<OnceLock<ServerHandle>>,
    /// The number of workers.
    pub(super) workers: usize,
    /// The accounts and used tokens, if this server keeps them.
    pub(super) keeper: Option<Keeper>,
    pub(super) blacklist: Arc<Blacklist>,
}

impl Host for Game {
    fn close_replaced(&self, role_id: u64, holder: Holder) {
        if let Some(server) = self.server.get() {
            server.replace_role(claim(role_id, holder));
        }
    }

    fn push(&self, role_id: u64, _: Holder, push: Delivery) {
        if let Some(server) = self.server.get()
            && server.send_to_role(role_id, &Push::new(push.cmd, &push.data)).is_err()
        {
            push.refuse();
        }
    }

    fn publish(&self, to: TopicRef<'_>, push: Delivery) {
        if let (Some(server), Some(topic)) = (self.server.get(), topic(to))
            && server.publish(&topic, &Push::new(push.cmd, &push.data)).is_err()
        {
            push.refuse();
        }
    }

    fn blacklist_changed(&self, records: &[BlacklistRecord]) {
        self.blacklist.take(records.iter().map(super::blacklist::register));
    }

    fn blacklist_cleared(&self, stamp: &Stamp) {
        let stamp = stamp.clone();
        self.blacklist.take_clear(stamp.to_bytes(), move |register| {
            BlacklistRecord::from_bytes(register).is_some_and(|record| record.stamp > stamp)
        });
    }

    fn request(&self, request: Request, responder: Responder) {
        // Without an answer the responder is dropped, which refuses with ErrorID 6.
        match request.what {
            What::RoleId | What::UsedToken => self.keep(&request, responder),
            What::Stats | What::List | What::Kick | What::Debug => {
                if let Some(server) = self.server.get() {
                    self.monitor(server, &request, responder);
                }
            }
        }
    }
}

impl Game {
    /// Answers for accounts and used tokens, if this server keeps them.
    fn keep(&self, request: &Request, responder: Responder) {
        let Some(keeper) = &self.keeper else { return };
        if request.what == What::RoleId {
            let Ok(RoleIdRequest { platform, account, zone_id }) = RoleIdRequest::decode(&*request.body)
            else {
                return;
            };
            keeper.role_of(AccountKey { platform, account, zone_id }, |role_id| {
                if let Some(role_id) = role_id {
                    responder.answer(RoleIdAnswer { role_id }.encode_to_vec());
                }
            });
        } else if let Some(token) = used_token(&request.body) {
            keeper.remember(token, |used| {
                if let Some(used) = used {
                    responder.answer(UsedTokenAnswer { verdict: used.number() }.encode_to_vec());
                }
            });
        }
    }

    /// Answers what an operator asks for at another server.
    fn monitor(&self, server: &ServerHandle, request: &Request, responder: Responder) {
        let body = &*request.body;
        match request.what {
            What::Stats => {
                let look = look_at_stats(|stats| responder.answer(stats.encode_to_vec()));
                // If the mailbox is full the responder is dropped.
                let _ = server.survey_all(look);
            }
            What::List => {
                let Ok(message) = monitor::Connections::decode(body) else { return };
                let look = look_at_page(self.name.clone(), &message, Space::of_answer(), |page| {
                    if let Some(page) = page {
                        responder.answer(page.encode_to_vec());
                    }
                });
                let _ = server.survey_all(look);
            }
            _ => {
                let asked = match request.what {
                    What::Kick => monitor::Kick::decode(body).map(|kick| (Act::Kick, kick.id)),
                    _ => monitor::Debug::decode(body).map(|debug| (Act::Debug(debug.on), debug.id)),
                };
                if let Ok((act, id)) = asked {
                    self.act(server, act, id, request.from.to_string(), responder);
                }
            }
        }
    }

    /// Acts on a connection. ErrorID 4 if there is none with this id.
    fn act(&self, server: &ServerHandle, act: Act, id: u64, node: String, responder: Responder) {
        let id = ConnectionId::from_u64(id);
        if id.worker() >= self.workers {
            return responder.refuse(ErrorId::NOT_ALLOWED.0);
        }
        let call = move |_: &mut Gateway, effects: &mut Effects| {
            look_and_act(effects, act, id, Operator::Elsewhere { node }, |was_found| match was_found {
                true => responder.answer(Vec::new()),
                false => responder.refuse(ErrorId::NOT_ALLOWED.0),
            });
        };
        let _ = server.call(id.worker(), call);
    }
}

fn used_token(body: &[u8]) -> Option<UsedToken> {
    let UsedTokenRequest { hash, ends } = UsedTokenRequest::decode(body).ok()?;
    Some(UsedToken::of_parts(hash.as_ref().try_into().ok()?, ends))
}
