//! Reads certificates, login keys, the secret of WeChat and the admin token again while the server runs.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use sysconn::ServerHandle;

use crate::admin::AdminToken;
use crate::auth::Auth;
use crate::service::{ServiceManager, State};
use crate::tls::TlsFiles;
use crate::wechat::Wechat;

/// Reads the files again on a thread of its own, since a file can be a FIFO, or on a file system that does
/// not answer.
pub(crate) struct Reload {
    told: Told,
    /// Requests to the thread, which handles one at a time while a second one waits. `None` if there is no
    /// file.
    requests: Option<SyncSender<()>>,
}

/// What the service manager is told after a reload.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) manager: ServiceManager,
    pub(crate) serving: State,
}

impl Told {
    /// Tells it that a reload has begun, does it, and tells it the end.
    fn around(&self, reload: impl FnOnce()) {
        self.manager.tell(&State::Reloading);
        reload();
        self.manager.tell(&self.serving);
    }
}

impl Reload {
    /// Starts the thread, if there is a file to read.
    ///
    /// # Errors
    /// One line that says why it cannot be started.
    pub(crate) fn start(
        server: ServerHandle,
        tls: Option<TlsFiles>,
        auth: Arc<Auth>,
        wechat: Option<Arc<Wechat>>,
        admin: Option<Arc<AdminToken>>,
        told: Told,
    ) -> Result<Self, String> {
        if tls.is_none() && !auth.is_on() && wechat.is_none() && admin.is_none() {
            return Ok(Reload { told, requests: None });
        }
        let (requests, inbox) = sync_channel(1);
        let with_reload = told.clone();
        let run = move || {
            for () in inbox {
                with_reload
                    .around(|| reload(&server, tls.as_ref(), &auth, wechat.as_deref(), admin.as_deref()));
            }
        };
        let thread = std::thread::Builder::new().name("reload".into()).spawn(run);
        thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Reload { told, requests: Some(requests) })
    }

    /// Requests a reload, without waiting for it. Requests that come before it begins share one.
    pub(crate) fn begin(&self) {
        let Some(requests) = &self.requests else {
            self.told.around(|| {
                log::info!("reload: there is nothing to read again, neither certificates nor keys of logins");
            });
            return;
        };
        match requests.try_send(()) {
            Ok(()) => log::info!("reload: files are read again"),
            Err(TrySendError::Full(())) => log::info!("reload: files are about to be read again already"),
            Err(TrySendError::Disconnected(())) => log::error!("reload: the thread has ended"),
        }
    }
}

/// Reads the files again. A file that cannot be used leaves its setting unchanged.
fn reload(
    server: &ServerHandle,
    tls: Option<&TlsFiles>,
    auth: &Auth,
    wechat: Option<&Wechat>,
    admin: Option<&AdminToken>,
) {
    let set_tls = |files: &TlsFiles| server.set_tls(files.load()?).map_err(|error| error.to_string());
    if let Some(Err(line)) = tls.map(set_tls) {
        log::error!("the certificate stays as it was: {line}");
    }
    auth.reload();
    match wechat.map(Wechat::reload) {
        Some(Ok(())) => log::info!("the secret of WeChat was read again"),
        Some(Err(line)) => log::error!("the secret of WeChat stays as it was: {line}"),
        None => {}
    }
    match admin.map(AdminToken::reload) {
        Some(Ok(())) => log::info!("the token of the admin server was read again"),
        Some(Err(line)) => log::error!("the token of the admin server stays as it was: {line}"),
        None => {}
    }
}
