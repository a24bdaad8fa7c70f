//! The metrics of a server, for any thread.

use std::sync::Arc;

use super::pulse::Pulse;
use super::shared::SharedMetrics;
use super::snapshot::{Counts, Snapshot};

/// The metrics of a server: cheap to clone, usable from any thread.
///
/// Nothing here takes a lock or waits for a reactor: the figures of one that hangs can be read too. Each
/// figure is read by itself, so two that belong together can differ by what happens meanwhile.
///
/// It is a [`Collector`](prometheus_client::collector::Collector), so that a program can put its own families
/// beside those of the library. Their names begin with `sysconn_`: use a registry without a prefix.
///
/// ```
/// use sysconn::{Application, Config, Context, Outcome, Reactor, Request, Service};
///
/// struct Game;
/// # impl Application for Game { type Session = (); }
///
/// fn echo(_: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
///     context.reply(request.data())
/// }
///
/// let mut config = Config::default();
/// config.metrics = true;
/// # config.listen = vec![sysconn::config::Listen::Tcp(([127, 0, 0, 1], 0).into())];
/// let reactor = Reactor::bind(&config, Service::Any(echo), Game)?;
/// let metrics = reactor.handle().metrics().ok_or("metrics are off")?;
///
/// // On any thread, at any time:
/// let text = metrics.encode();
/// assert!(text.contains("sysconn_draining 0"));
/// let snapshot = metrics.snapshot();
/// assert_eq!(snapshot.total().connections(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(super) shared: Arc<SharedMetrics>,
    /// What else leaves log lines out.
    pub(super) lines_left_out: Option<fn() -> Counts>,
}

impl Metrics {
    pub(crate) fn new(shared: Arc<SharedMetrics>) -> Self {
        Metrics { shared, lines_left_out: None }
    }

    /// All figures, as plain data.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.shared)
    }

    /// The pulse of each worker, in the order of their numbers.
    ///
    /// A watchdog looks at them in an interval. A pulse that [is stuck](Pulse::is_stuck_since) since the look
    /// before names what hangs.
    ///
    /// ```
    /// use sysconn::metrics::{Metrics, Pulse};
    ///
    /// /// One look, some milliseconds after the one that saw `before`.
    /// fn look(metrics: &Metrics, before: &[Pulse]) -> Vec<Pulse> {
    ///     let now: Vec<_> = metrics.pulses().collect();
    ///     for (pulse, before) in now.iter().zip(before) {
    ///         if pulse.is_stuck_since(before) {
    ///             log::warn!("worker {} hangs: {} {:?}", pulse.worker, pulse.work.name(), pulse.cmd);
    ///             metrics.stalled(pulse);
    ///         }
    ///     }
    ///     now
    /// }
    /// ```
    pub fn pulses(&self) -> impl Iterator<Item = Pulse> {
        self.shared.workers.iter().enumerate().map(|(worker, numbers)| numbers.heart.pulse(worker))
    }

    /// The same, whose text also has log lines that the program itself leaves out:
    /// `sysconn_log_lines_left_out_total` counts them under the kinds that `of` returns. They must be none of
    /// the library's.
    #[must_use]
    pub fn with_log_lines_left_out(self, of: fn() -> Counts) -> Self {
        Metrics { lines_left_out: Some(of), ..self }
    }

    /// Counts a stall in `sysconn_stalls_total`. A watchdog calls it once for each stall that it finds.
    pub fn stalled(&self, pulse: &Pulse) {
        self.shared.stalled(pulse);
    }
}
