//! Logs a connection in or out from outside its requests: in a tick, or once another service has answered.

use super::connection::Conn;
use super::dispatch::By;
use super::env::Env;
use super::input::{Input, LogIn, LogOut};
use crate::connection_log;
use crate::metrics::LoginResult;
use crate::router::{Application, Context, Outcome, Tools};

impl<S: Application> Input<Env<S>> for LogIn<'_> {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) {
        let login = self.0;
        conn.act(env, |context| {
            if let Err(error) = context.login(login.clone()) {
                let (identity, reason) = (&login.identity, error.to_string());
                let Tools { log, now, meter, .. } = &mut *context.buffer.tools;
                meter.login(LoginResult::Refused);
                let (account, role_id) = (&identity.account, identity.role_id);
                connection_log::login_refused(context.record, log, *now, account, role_id, &reason);
            }
        });
    }
}

impl<S: Application> Input<Env<S>> for LogOut {
    type Output = ();

    fn apply(&mut self, conn: &mut Conn, env: &mut Env<S>) {
        conn.act(env, |context| context.logout());
    }
}

impl Conn {
    fn act<S: Application>(&mut self, env: &mut Env<S>, act: impl FnOnce(&mut Context<'_, S::Session>)) {
        self.call(By::Connection, 0, 0, env, |_, context| {
            act(context);
            // No client's budget exists that the cost could count against.
            context.effects().take_cost();
            Outcome::Done
        });
    }
}
