//! The progress of a run, as a bar on a terminal. Elsewhere nothing is shown.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::figures::Figures;

/// A bar on standard error.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr_with_hz(5));
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {msg}") {
            bar.set_style(style);
        }
        Progress(bar)
    }

    /// So much of a phase is done.
    pub(super) fn show(&self, done: u64, all: u64, phase: &str) {
        if !self.0.is_hidden() {
            self.0.set_length(all.max(1));
            self.0.set_position(done.min(all));
            self.0.set_message(phase.to_owned());
        }
    }

    /// The load goes on; all times in nanoseconds.
    pub(super) fn show_load(&self, start: u64, now: u64, figures: &Figures) {
        if self.0.is_hidden() {
            return;
        }
        let window = &figures.window;
        let phase = if now < window.start {
            "warm-up".to_owned()
        } else {
            let seconds = now.saturating_sub(window.start).max(1) as f64 / 1e9;
            let p99 = figures.latency.value_at_quantile(0.99) as f64 / 1e6;
            format!("{:.0}/s, p99 {p99:.3} ms", figures.measured as f64 / seconds)
        };
        self.show(now.saturating_sub(start), window.end.saturating_sub(start), &phase);
    }

    /// Removes the bar.
    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}
