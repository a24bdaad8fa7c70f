//! Metrics: what a server counts and measures of its connections, packets and turns, for operators.
//!
//! [`Config::metrics`](crate::Config::metrics) switches them on, and
//! [`ServerHandle::metrics`](crate::ServerHandle::metrics) gives them to any thread: as
//! [text](Metrics::encode) for Prometheus, as [data](Metrics::snapshot), and as the [pulse](Metrics::pulses)
//! of each worker for a watchdog.
//!
//! A reactor keeps its numbers in memory that only its thread writes. Whoever reads them takes no lock and
//! wakes nobody, so a scrape under load costs the clients nothing, and a reactor that hangs can still be
//! asked. Labels come from enums, the route table and the configuration; nothing that a client sends becomes
//! one. Times are measured by one read of the clock for each packet.

#[cfg(feature = "metrics")]
mod handle;
mod histogram;
mod labels;
mod meter;
mod number;
mod pulse;
mod routes;
mod shared;
#[cfg(feature = "metrics")]
mod snapshot;
mod stamp;
#[cfg(feature = "metrics")]
mod text;
mod worker_numbers;

#[cfg(feature = "metrics")]
pub use handle::Metrics;
#[cfg(feature = "metrics")]
pub use histogram::Histogram;
pub use pulse::Work;
#[cfg(feature = "metrics")]
pub use pulse::{Pulse, PulseState};
#[cfg(feature = "metrics")]
pub use snapshot::{Counts, RouteSnapshot, Snapshot, WorkerSnapshot, sum};

pub(crate) use labels::{Compression, LoginResult, SendError, SentKind, State, Timer, TlsResult};
pub(crate) use meter::Meter;
pub(crate) use routes::{RouteLabels, Routes};
pub(crate) use shared::{Elsewhere, SharedMetrics};
pub(crate) use stamp::Stamp;
