//! The head: which server it is, how it fares, and the figures that matter most.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::figures::{Stats, Stuck};
use super::super::numbers::{duration, milliseconds, rate};
use super::super::shown::{Shown, fit, width, wrap};
use super::super::state::State;
use super::super::theme::Theme;
use super::put;
use crate::words::plural;

/// A figure: its label, its value, and how it is marked.
struct Figure {
    label: &'static str,
    value: String,
    mark: Mark,
}

#[derive(Clone, Copy)]
enum Mark {
    None,
    Good,
    Warning,
    Trouble,
}

impl Figure {
    fn new(label: &'static str, value: String) -> Self {
        Figure { label, value, mark: Mark::None }
    }

    /// The figure, in several parts if it is only text that needs more than a line.
    fn wrapped(self, columns: usize) -> Vec<Figure> {
        if !self.label.is_empty() || self.width() <= columns {
            return vec![self];
        }
        wrap(&self.value, columns).into_iter().map(|value| Figure { value, ..self }).collect()
    }

    fn width(&self) -> usize {
        width(self.label) + usize::from(!self.label.is_empty()) + width(&self.value)
    }
}

/// The lines that the head takes.
pub(super) fn height(state: &State, columns: u16) -> u16 {
    let lines = lines(figures(state), usize::from(columns)).len();
    u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(1)
}

/// Draws the head.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let mut rows = area.rows();
    if let Some(row) = rows.next() {
        put(frame, row, Line::styled(title(state, usize::from(area.width)), theme.title));
    }
    for (row, line) in rows.zip(lines(figures(state), usize::from(area.width))) {
        let spans = line.into_iter().flat_map(|figure| {
            let space = if figure.label.is_empty() { "" } else { " " };
            [
                Span::styled(figure.label, theme.label),
                Span::raw(space),
                Span::styled(figure.value, style(figure.mark, theme)),
                Span::raw("  "),
            ]
        });
        frame.render_widget(Line::from_iter(spans), row);
    }
}

fn style(mark: Mark, theme: &Theme) -> Style {
    match mark {
        Mark::None => theme.title,
        Mark::Good => theme.good,
        Mark::Warning => theme.warning,
        Mark::Trouble => theme.trouble,
    }
}

fn title(state: &State, columns: usize) -> String {
    let server = state.server.as_str();
    // A long path leaves room for what is behind it.
    let server = fit(server, width(server).min(columns / 2), false);
    let about = state.stats.as_ref().map_or_else(String::new, |stats| {
        let workers = plural(stats.workers, "worker", "workers");
        let up = duration((stats.uptime_s.max(0.0) * 1000.0) as u64);
        let node = stats
            .node
            .as_ref()
            .map_or_else(String::new, |name| format!(", node {name} of {}", stats.other_nodes.len() + 1));
        format!("  {} up {up}, {workers}, pid {}{node}", stats.version, stats.pid)
    });
    format!("sysconn {server}{about}")
}

/// Figures in lines of that width.
fn lines(figures: Vec<Figure>, columns: usize) -> Vec<Vec<Figure>> {
    let (mut lines, mut left) = (vec![vec![]], columns);
    for figure in figures.into_iter().flat_map(|figure| figure.wrapped(columns)) {
        let wanted = figure.width() + 2;
        // The space behind the last one may be cut off.
        if wanted > left + 2 && left < columns {
            lines.push(vec![]);
            left = columns;
        }
        left = left.saturating_sub(wanted);
        if let Some(line) = lines.last_mut() {
            line.push(figure);
        }
    }
    lines
}

fn figures(state: &State) -> Vec<Figure> {
    let gone = state.gone.as_ref().map(|reason| {
        let value = format!("NO FIGURES: {reason}; asking again every second");
        Figure { label: "", value, mark: Mark::Trouble }
    });
    let Some(stats) = &state.stats else {
        let waiting = Figure::new("", "waiting for the first answer".to_owned());
        return vec![gone.unwrap_or(waiting)];
    };
    let old = gone.as_ref().map(|_| Figure::new("", "the figures are old".to_owned()));
    let limit = stats.clients.limit.map_or_else(String::new, |limit| format!("/{limit}"));
    let (packets, cpu) = match &stats.rates {
        None => ("-".to_owned(), "-".to_owned()),
        Some(rates) => (
            format!("{} in {} out", rate(rates.packets_received), rate(rates.packets_sent)),
            format!("{:.2}", rates.cpu),
        ),
    };
    let state = [
        // Old news of how it fares would mislead.
        gone.unwrap_or_else(|| how(stats)),
    ];
    let totals = &stats.totals;
    let head = [
        Figure::new("clients", format!("{}{limit}", stats.clients.total)),
        Figure::new("packets/s", packets),
        Figure::new("p99", milliseconds(stats.request_ms.p99)),
        Figure::new("worst turn", milliseconds(stats.turn_max_ms)),
        Figure::new("CPU", cpu),
        Figure::new("received", totals.packets_received.to_string()),
        Figure::new("sent", totals.packets_sent.to_string()),
        Figure::new("accepted", totals.accepted.to_string()),
    ];
    state.into_iter().chain(old).chain(head).collect()
}

/// How the server fares.
fn how(stats: &Stats) -> Figure {
    let (value, mark) = match (stats.state.as_str(), stats.stuck.first()) {
        (_, Some(stuck)) => (describe(stuck), Mark::Trouble),
        ("serving", None) => ("serving".to_owned(), Mark::Good),
        (other, None) => (other.to_owned(), Mark::Warning),
    };
    Figure { label: "", value, mark }
}

pub(crate) fn describe(stuck: &Stuck) -> String {
    let work = match (stuck.cmd, &stuck.name) {
        (Some(cmd), Some(name)) => format!("command {cmd} ({name})"),
        (Some(cmd), None) => format!("command {cmd}"),
        (None, name) => name.as_ref().map_or("its own work", Shown::as_str).to_owned(),
    };
    format!("stuck in {work}, worker {}, {}", stuck.worker, milliseconds(Some(stuck.for_ms as f64)))
}
