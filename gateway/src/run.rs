//! Starts the workers that the options ask for, and runs them until the server stops.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use log::LevelFilter;
use sysconn::{Application, BindError, Config, ServerHandle, Service, Worker, Workers};

use crate::admin::{Admin, Subject};
use crate::auth::Auth;
use crate::blacklist::{Blacklist, Rules};
use crate::cluster::{Cluster, Keeper};
use crate::delay::Delay;
use crate::dev::DevPage;
use crate::modules::{self, Echo, Gateway};
use crate::options::{ClusterOptions, LogFormat, Mode, Options, PassedSocket, of_option, shown};
use crate::output::print;
use crate::reload::{Reload, Told};
use crate::service::{ServiceManager, State, feed_watchdog, watchdog_period};
use crate::side::Side;
use crate::signals::Caught;
use crate::store::Store;
use crate::tls::TlsFiles;
use crate::wechat::Wechat;
use crate::{LogSink, cpus, descriptors, panics};

/// Runs `serve` or `echo` until it has drained.
///
/// # Errors
/// One line that says why it could not start, or why it ended early.
pub(crate) fn run(mut options: Options, signals: Caught, passed: Vec<PassedSocket>) -> Result<(), String> {
    start_log(options.log_level, options.log_format);
    options.inherit(passed)?;
    for name in &options.ignored_environment {
        log::warn!("the environment variable {name} is no option of this program, and is ignored");
    }
    panics::install_hook();
    let warnings = [
        options.recording_warning(),
        options.wechat_warning(),
        options.blacklist_warning(),
        options.memory_warning(),
        options.admin_warning(),
        options.cluster_warning(),
    ];
    let wechat = options.wechat();
    let rules = Rules::new(&options);
    let with_others = options.cluster().cloned();
    let mut config = options.config;
    descriptors::fit(&mut config);
    let tls = TlsFiles::both(options.tls_cert, options.tls_key)?;
    config.tls = tls.as_ref().map(TlsFiles::load).transpose()?;
    let auth =
        Arc::new(if options.mode == Mode::Serve { Auth::open(&options.auth)? } else { Auth::default() });
    if let Some(first) = options.cpu {
        cpus::check(first, config.workers)?;
    }
    let wechat = wechat.filter(|_| options.mode == Mode::Serve);
    let wechat = wechat.map(|options| Wechat::start(&options, rules.clone())).transpose()?.map(Arc::new);
    for line in options.admin.warnings_beside(&config).into_iter().chain(warnings.into_iter().flatten()) {
        log::warn!("{line}");
    }
    let is_dev = options.dev && options.mode == Mode::Serve;
    // A list names whose pages may connect. Without one the page is among those of this machine.
    let only_local_pages = is_dev && config.upgrade.origins.is_empty();
    let page = match is_dev {
        true => Some(DevPage::bind(options.dev_listen, tls.is_some(), &mut config)?),
        false => None,
    };
    let admin = match options.mode {
        Mode::Serve => Admin::bind(&options.admin, config.listeners.socket_mode)?,
        Mode::Echo => None,
    };
    config.metrics = admin.is_some();
    let (with_auth, with_wechat) = (auth.clone(), wechat.clone());
    let server = Server {
        config,
        signals,
        tls,
        auth: with_auth,
        wechat: with_wechat,
        page,
        admin: None,
        cluster: None,
        cpu: options.cpu,
    };
    match options.mode {
        Mode::Serve => {
            let game = Game {
                rules,
                auth,
                wechat,
                data: options.data,
                cluster: with_others,
                diagnostics: options.diagnostics,
                is_dev,
                only_local_pages,
            };
            game.serve(server, admin)
        }
        Mode::Echo => server.run(Service::Messages(modules::echo_message), |_| Echo),
    }
}

/// What `serve` has beside a server.
struct Game {
    rules: Rules,
    auth: Arc<Auth>,
    wechat: Option<Arc<Wechat>>,
    /// The directory of the store.
    data: Option<PathBuf>,
    /// The other servers, if there are any.
    cluster: Option<ClusterOptions>,
    diagnostics: bool,
    is_dev: bool,
    only_local_pages: bool,
}

impl Game {
    fn serve(self, mut server: Server, admin: Option<Admin>) -> Result<(), String> {
        let Game { auth, wechat, diagnostics, is_dev, only_local_pages, .. } = self;
        let delay = Arc::new(Delay::start()?);
        let store = Arc::new(Store::open(self.data.as_deref()).map_err(of_option("data"))?);
        let blacklist = Arc::new(Blacklist::open(self.rules, store.clone())?);
        server.admin = admin.map(|admin| (admin, blacklist.clone(), diagnostics));
        let workers = server.config.workers;
        let join = |options| Cluster::join(options, workers, store.clone(), &blacklist);
        let cluster = self.cluster.as_ref().map(join).transpose()?;
        server.config.presence = cluster.as_ref().map(|cluster| cluster.presence());
        server.cluster.clone_from(&cluster);
        let keeper = match &cluster {
            Some(cluster) if cluster.keeps_accounts_elsewhere() => Keeper::Elsewhere(cluster.clone()),
            _ => Keeper::Here(store.clone()),
        };
        let gateway = |worker| {
            let (auth, blacklist) = (auth.clone(), blacklist.clone());
            Gateway::new(worker, delay.clone(), auth, blacklist, keeper.clone(), wechat.clone())
                .with_cluster(cluster.clone())
                .with_packets_logged(is_dev)
                .with_only_local_pages(only_local_pages)
        };
        let result = server.run(modules::routes(diagnostics), gateway);
        if let Some(cluster) = &cluster {
            cluster.good_bye();
        }
        store.close();
        result
    }
}

/// Sends the log to standard error.
pub(crate) fn start_log(level: LevelFilter, format: LogFormat) {
    let sink = env_logger::Target::Pipe(Box::new(LogSink::new(std::io::stderr(), format)));
    env_logger::Builder::new()
        .filter_level(level)
        // Requests with the secret and a code in them.
        .filter_module("ureq", LevelFilter::Off)
        // What clients do in their handshakes, without a limit.
        .filter_module("rustls", LevelFilter::Off)
        .format(move |out, record| {
            let time = out.timestamp_millis();
            out.write_all(format.line(&time, record).as_bytes())
        })
        .target(sink)
        .init();
}

struct Server {
    config: Config,
    signals: Caught,
    tls: Option<TlsFiles>,
    auth: Arc<Auth>,
    wechat: Option<Arc<Wechat>>,
    page: Option<DevPage>,
    /// The admin server, the black list that it shows, and whether there are diagnostic commands.
    admin: Option<(Admin, Arc<Blacklist>, bool)>,
    /// The other servers, if there are any.
    cluster: Option<Arc<Cluster>>,
    /// The core of the first worker; each further worker gets the next one.
    cpu: Option<usize>,
}

impl Server {
    fn run<S: Application<Session: Send> + Send>(
        mut self,
        service: impl Into<Service<S>>,
        state: impl FnMut(Worker<S>) -> S,
    ) -> Result<(), String> {
        self.signals.catch_ends()?;
        let watchdog = watchdog_period();
        // Its figures come with the metrics.
        self.config.metrics |= watchdog.is_some();
        let mut workers = Workers::bind(&self.config, service, state).map_err(|error| in_words(&error))?;
        let (server, is_draining) = (workers.handle(), Arc::new(AtomicBool::new(false)));
        let drained = server.clone();
        let manager = ServiceManager::from_environment();
        let addresses: Vec<_> = workers.listening().map(|listen| listen.to_string()).collect();
        let addresses = addresses.join(", ");
        let serving = State::Serving(addresses.clone());
        let told = Told { manager: manager.clone(), serving: serving.clone() };
        let certificate = self.tls.as_ref().map(|files| shown(&files.cert));
        let token = self.admin.as_ref().and_then(|(admin, ..)| admin.token());
        let reload = Reload::start(server.clone(), self.tls, self.auth, self.wechat, token, told)?;
        let drain = &self.config.drain;
        let draining = State::Draining(drain.timeout.map(|timeout| timeout + drain.delay));
        let cluster = self.cluster.clone();
        let drain = move || drain_all(&drained, cluster.as_deref());
        self.signals.watch(drain, reload, manager.clone(), draining, is_draining.clone())?;
        if let Some(cluster) = &self.cluster {
            cluster.serve(server.clone());
        }
        let mut side = Side::default();
        if let Some(page) = self.page {
            page.serve(workers.listening(), &mut side)?;
        }
        if let (Some(period), Some(metrics)) = (watchdog, workers.handle().metrics()) {
            let manager = manager.clone();
            side.add(move || feed_watchdog(manager, metrics, period));
        }
        // It is removed at the end.
        let mut _socket = None;
        if let Some((admin, blacklist, diagnostics)) = self.admin {
            let config = &self.config;
            let listening = workers.listening().collect();
            let cluster = self.cluster.clone();
            let of = Subject {
                server,
                config,
                listening,
                blacklist,
                cluster,
                is_draining,
                certificate,
                diagnostics,
            };
            _socket = admin.serve(of, &mut side)?;
        }
        side.start()?;
        announce(&addresses);
        manager.tell(&serving);
        let begin = |worker| {
            let pinned = self.cpu.map_or(Ok(()), |first| cpus::pin(first + worker));
            if let Err(line) = pinned {
                log::error!("worker {worker} is not pinned: {line}");
            }
        };
        workers.run_with(begin).map_err(|error| format!("a reactor ended: {error}"))
    }
}

/// Why a server cannot be bound, behind the option that names the directory if it is that.
fn in_words(error: &BindError) -> String {
    match error {
        BindError::Record(path, error) => format!("--record: {}: {error}", shown(path)),
        error => error.to_string(),
    }
}

/// Has the server drain, after the others know that it does.
fn drain_all(server: &ServerHandle, cluster: Option<&Cluster>) {
    if let Some(cluster) = cluster {
        cluster.drain();
    }
    server.drain();
}

/// Prints that the server accepts clients now, and at which addresses.
fn announce(addresses: &str) {
    if let Err(line) = print(&format!("listening on {addresses}\n")) {
        // A server serves all the same.
        log::warn!("{line}");
    }
}
