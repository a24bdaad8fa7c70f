//! From options to a reactor that runs until it is told to stop.

use std::io::Write;

use sysconn::{Application, Config, Reactor, Service};

use super::modules::{self, Echo, Gateway};
use super::options::{Mode, Options};
use super::tls::TlsFiles;
use super::{descriptors, panics, signals};

/// Runs the program.
///
/// # Errors
/// One line that says why it could not start, or why it ended before it was told to.
pub(crate) fn run(options: Options) -> Result<(), String> {
    env_logger::Builder::new().filter_level(options.log_level).format_timestamp_millis().init();
    for name in &options.ignored_environment {
        log::warn!("the environment variable {name} is no option of this program, and is ignored");
    }
    panics::install_hook();
    let mut config = options.config;
    descriptors::fit(&mut config);
    let tls = TlsFiles::both(options.tls_cert, options.tls_key)?;
    config.tls = tls.as_ref().map(TlsFiles::load).transpose()?;
    if let Some(cpu) = options.cpu {
        pin(cpu)?;
    }
    match options.mode {
        Mode::Serve => serve(&config, tls, modules::routes(options.diagnostics), Gateway::new()?),
        Mode::Echo => serve(&config, tls, Service::Messages(modules::echo_message), Echo),
    }
}

fn serve<S: Application>(
    config: &Config,
    tls: Option<TlsFiles>,
    service: impl Into<Service<S>>,
    state: S,
) -> Result<(), String> {
    let mut reactor = Reactor::bind(config, service, state).map_err(|error| error.to_string())?;
    signals::watch(reactor.handle(), tls)?;
    announce(&reactor);
    reactor.run().map_err(|error| format!("the reactor ended: {error}"))
}

/// Says that clients are accepted now, and where.
fn announce<S: Application>(reactor: &Reactor<S>) {
    let addresses: Vec<_> = reactor.listening().map(|listen| listen.to_string()).collect();
    let mut stdout = std::io::stdout();
    // Whoever started the program may not care to read this.
    let _ = writeln!(stdout, "listening on {}", addresses.join(", ")).and_then(|()| stdout.flush());
}

/// Pins this thread, which is the reactor's.
fn pin(cpu: usize) -> Result<(), String> {
    let mut cpus = rustix::thread::CpuSet::new();
    if cpu >= rustix::thread::CpuSet::MAX_CPU {
        return Err(format!("--cpu: there is no CPU {cpu}"));
    }
    cpus.set(cpu);
    rustix::thread::sched_setaffinity(None, &cpus).map_err(|error| format!("--cpu {cpu}: {error}"))
}
