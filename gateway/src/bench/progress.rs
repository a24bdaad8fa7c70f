//! The progress of a run, as a bar on a terminal. Elsewhere nothing is shown.

use std::cell::Cell;
use std::io;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::termios::tcgetwinsize;

use super::figures::Figures;

/// Columns of the terminal that a bar and the text beside it need.
const BAR_NEEDS: u16 = 66;

/// A bar on standard error.
pub(super) struct Progress {
    bar: ProgressBar,
    has_bar: Cell<Option<bool>>,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr_with_hz(5));
        Progress { bar, has_bar: Cell::new(None) }
    }

    /// So much of a phase is done.
    pub(super) fn show(&self, done: u64, all: u64, phase: &str) {
        if !self.bar.is_hidden() {
            self.fit();
            self.bar.set_length(all.max(1));
            self.bar.set_position(done.min(all));
            self.bar.set_message(phase.to_owned());
        }
    }

    /// Has a drawing fit in one line of the terminal, which may have another width now: of more lines, some
    /// would be left behind.
    fn fit(&self) {
        let columns = tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
        // Some terminals do not know theirs.
        let has_bar = columns == 0 || columns >= BAR_NEEDS;
        if self.has_bar.replace(Some(has_bar)) == Some(has_bar) {
            return;
        }
        let template = if has_bar { "{bar:30} {wide_msg}" } else { "{wide_msg}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }

    /// The load goes on; all times in nanoseconds.
    pub(super) fn show_load(&self, start: u64, now: u64, figures: &Figures) {
        if self.bar.is_hidden() {
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
        self.bar.finish_and_clear();
    }
}
