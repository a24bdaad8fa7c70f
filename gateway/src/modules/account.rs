//! Module 10: logins, logouts, and the time of the server.

use prost::Message;
use sysconn::packet::ErrorId;
use sysconn::{
    Access, ClientKind, Context, Custodian, Effects, Identity, Login, LoginTicket, Outcome, Request, Route,
    proto,
};

use super::Gateway;
use crate::auth::{Checked, MAX_NAME_BYTES, NO_ROLE, TokenUse, UsedToken, check_login};
use crate::clock::unix_ms;
use crate::messages::{self, account};
use crate::store::accounts::AccountKey;
use crate::wechat::MAX_CODE_BYTES;

pub(super) const ROUTES: [Route<Gateway>; 4] = [
    Route::new(account::WECHAT_LOGIN, "wechat_login", Access::Anyone, proto!(wechat_login, request))
        .secret()
        .messages(account::WechatLogin::NAME, account::WechatLoggedIn::NAME),
    Route::new(account::LOGIN, "login", Access::Anyone, proto!(login, request))
        .secret()
        .messages(account::Login::NAME, account::LoggedIn::NAME),
    Route::new(account::LOGOUT, "logout", Access::Role, logout),
    Route::new(account::SERVER_TIME, "server_time", Access::Anyone, server_time)
        .messages("", account::ServerTime::NAME),
];

/// Why the login of a listed account is refused.
const LISTED: &str = "the account is on the black list";

/// Logs a client in by a WeChat login code: the platform says which account it is of, and the store which
/// role that account has. ErrorID 7 if the code is not good or the account is on the black list, and 6 if
/// there is no platform, or it or the store cannot be asked now.
fn wechat_login(
    gateway: &mut Gateway,
    message: account::WechatLogin,
    request: Request<'_>,
    context: &mut Context<'_>,
) -> Result<Outcome, ErrorId> {
    let wechat = gateway.wechat.clone().ok_or(ErrorId::NOT_AVAILABLE)?;
    check_cluster(gateway)?;
    let account::WechatLogin { code, platform, zone_id } = message;
    if let Err(reason) = check_code(&code, &platform) {
        return Ok(context.refuse_login("", 0, reason));
    }
    if wechat.refuses() {
        return Err(ErrorId::NOT_AVAILABLE);
    }
    let (earlier, peer) = (context.record().role_id(), context.record().peer());
    let ticket = context.defer_login(request)?;
    let (keeper, worker, blacklist) =
        (gateway.keeper.clone(), gateway.worker.clone(), gateway.blacklist.clone());
    wechat.exchange(code, peer, ticket, move |ticket, account| {
        if blacklist.bars_account(&account) {
            return ticket.refuse_login(&account, 0, LISTED);
        }
        let key = AccountKey { platform, account, zone_id };
        keeper.role_of(key.clone(), move |role_id| {
            // Without a role the ticket is dropped, which refuses with ErrorID 6.
            let Some(role_id) = role_id else { return };
            let home = ticket.connection().worker();
            worker.call_always(home, move |gateway, effects| {
                let AccountKey { platform, account, zone_id } = key;
                let identity = Identity { account: account.clone(), platform, zone_id, role_id };
                let login = Login { identity, kind: ClientKind::Player, ..Login::default() };
                let reply = account::WechatLoggedIn { role_id, account, server_time_ms: unix_ms() };
                enter(gateway, ticket, login, earlier, &reply, effects);
            });
        });
    });
    Ok(Outcome::Done)
}

/// # Errors
/// The reason why the code is refused without asking the platform.
fn check_code(code: &str, platform: &str) -> Result<(), &'static str> {
    match (code.len(), platform.len()) {
        (0, _) => Err("the WeChat code is empty"),
        (bytes, _) if bytes > MAX_CODE_BYTES => Err("the WeChat code is too long"),
        (_, platform) if platform > MAX_NAME_BYTES => Err("a name is too long"),
        _ => Ok(()),
    }
}

/// Ends a login that was deferred, on the worker of its connection, whose role was `earlier`.
fn enter(
    gateway: &Gateway,
    ticket: LoginTicket,
    login: Login,
    earlier: u64,
    reply: &impl Message,
    effects: &mut Effects,
) {
    // An entry that has come since the login began bars it too, and not only those after it.
    if let Some(reason) = listed(gateway, &login) {
        return ticket.refuse_login(&login.identity.account, login.identity.role_id, &reason);
    }
    if earlier != login.identity.role_id {
        effects.unsubscribe_all(ticket.connection());
    }
    // The role is not 0, and nothing else can be wrong.
    let _ = effects.reply_login_message(ticket, login, reply);
}

/// Logs a client in. If there are keys, the message must match its token; otherwise it is believed. A login
/// with another role leaves all rooms; one with the same role, which may change everything else, does not. A
/// refused login changes nothing.
fn login(
    gateway: &mut Gateway,
    mut message: account::Login,
    request: Request<'_>,
    context: &mut Context<'_>,
) -> Result<Outcome, ErrorId> {
    check_cluster(gateway)?;
    let token = std::mem::take(&mut message.token);
    let (account, role_id) = (message.account.clone(), message.role_id);
    let Checked { login, token } = match check(gateway, &token, message) {
        Ok(checked) => checked,
        Err(reason) => return Ok(context.refuse_login(&account, role_id, &reason)),
    };
    if let Some(token) = token {
        return login_once(gateway, token, login, request, context);
    }
    let (id, earlier, older) = (context.id(), context.record().role_id(), context.player(role_id));
    if context.login(login).is_err() {
        return Ok(context.refuse_login(&account, role_id, NO_ROLE));
    }
    if earlier != role_id {
        context.effects().unsubscribe_all(id);
        // The older connection of the role is about to close, and leaves its rooms now: no member should see
        // the role twice. On another worker that happens a moment later.
        older.into_iter().for_each(|older| context.effects().unsubscribe_all(older));
    }
    Ok(context.reply_message(&account::LoggedIn { role_id, account, server_time_ms: unix_ms() }))
}

/// # Errors
/// ErrorID 6: the cluster is away, and no login counts without it.
fn check_cluster(gateway: &Gateway) -> Result<(), ErrorId> {
    let refuses = gateway.cluster.as_ref().is_some_and(|cluster| cluster.refuses_logins());
    if refuses { Err(ErrorId::NOT_AVAILABLE) } else { Ok(()) }
}

/// Checks a login and its token.
///
/// # Errors
/// The reason why it is refused.
fn check(gateway: &Gateway, token: &str, message: account::Login) -> Result<Checked, String> {
    let checked = gateway.auth.check(token, read_login(message)?, unix_ms() / 1000)?;
    // A JWT can have added something.
    check_login(&checked.login)?;
    listed(gateway, &checked.login).map_or(Ok(checked), Err)
}

/// Logs a client in with a token that works only once, when the store has it: ErrorID 7 if it was used
/// before, and 6 if too many are remembered, or the store cannot be used.
fn login_once(
    gateway: &Gateway,
    token: UsedToken,
    login: Login,
    request: Request<'_>,
    context: &mut Context<'_>,
) -> Result<Outcome, ErrorId> {
    let earlier = context.record().role_id();
    let ticket = context.defer_login(request)?;
    let (worker, auth) = (gateway.worker.clone(), gateway.auth.clone());
    gateway.keeper.remember(token, move |used| {
        let Identity { account, role_id, .. } = login.identity.clone();
        match used {
            Some(TokenUse::First) => {
                let home = ticket.connection().worker();
                worker.call_always(home, move |gateway, effects| {
                    let reply = account::LoggedIn { role_id, account, server_time_ms: unix_ms() };
                    enter(gateway, ticket, login, earlier, &reply, effects);
                });
            }
            Some(TokenUse::Again) => ticket.refuse_login(&account, role_id, "the token was used before"),
            Some(TokenUse::Full) => {
                auth.tell_full();
                ticket.refuse(ErrorId::NOT_AVAILABLE);
            }
            // The ticket is dropped, which refuses with ErrorID 6.
            None => {}
        }
    });
    Ok(Outcome::Done)
}

/// The kind of client that a message names.
pub(crate) fn kind_of(kind: messages::Kind) -> ClientKind {
    match kind {
        messages::Kind::Tester => ClientKind::Guest,
        messages::Kind::GameServer => ClientKind::Player,
        messages::Kind::Monitor => ClientKind::Operator,
    }
}

/// The login in a message.
///
/// # Errors
/// The reason why it is refused.
fn read_login(message: account::Login) -> Result<Login, &'static str> {
    let kind = kind_of(messages::Kind::try_from(message.kind).map_err(|_| "the kind is unknown")?);
    let account::Login { account, platform, zone_id, role_id, custodian, custodian_role_id, .. } = message;
    let has_custodian = !custodian.is_empty() || custodian_role_id != 0;
    let login = Login {
        identity: Identity { account, platform, zone_id, role_id },
        kind,
        custodian: has_custodian.then_some(Custodian { account: custodian, role_id: custodian_role_id }),
        ..Login::default()
    };
    check_login(&login).map(|()| login)
}

/// The reason why a login is refused, if its account or its custodian is on the black list.
fn listed(gateway: &Gateway, login: &Login) -> Option<String> {
    let custodian = login.custodian.as_ref().map(|custodian| custodian.account.as_str());
    if gateway.blacklist.bars_account(&login.identity.account) {
        return Some(LISTED.to_owned());
    }
    let custodian = custodian.filter(|custodian| gateway.blacklist.bars_account(custodian))?;
    Some(format!("its custodian {custodian} is on the black list"))
}

/// empty → empty.
fn logout(_: &mut Gateway, _: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let id = context.id();
    context.effects().unsubscribe_all(id);
    context.logout();
    context.reply(&[])
}

/// empty → the server's clock.
fn server_time(_: &mut Gateway, _: Request<'_>, context: &mut Context<'_>) -> Outcome {
    context.reply_message(&account::ServerTime { server_time_ms: unix_ms() })
}
