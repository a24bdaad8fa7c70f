//! The last 15 minutes as lines of small bars.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line as TextLine;
use ratatui::widgets::Sparkline;

use super::super::history::{Graph, Line, columns};
use super::super::numbers::{milliseconds, rate};
use super::super::shown::{Shown, fit};
use super::super::state::{State, View};
use super::super::theme::Theme;
use super::{put, styled};

/// The lines of bars in the view of all figures.
pub(super) const LINES: u16 = 6;
/// The columns of names, and of numbers behind the bars.
const NAME: u16 = 14;
const NUMBERS: u16 = 19;
/// The narrowest screen with numbers behind the bars.
const MIN_FOR_NUMBERS: u16 = 50;

/// A line of bars: its name, its numbers, and how one of them is written.
struct Bars {
    name: String,
    line: Line,
    write: fn(Option<f64>) -> String,
}

/// A title with its lines of bars.
struct Group {
    title: String,
    bars: Vec<Bars>,
}

/// Draws the graphs of a view.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    if area.is_empty() {
        return;
    }
    if state.view == View::All {
        let bars = summary(state);
        let rows: [Rect; LINES as usize] =
            Layout::vertical([Constraint::Fill(1); LINES as usize]).areas(area);
        for (row, bars) in rows.into_iter().zip(&bars) {
            draw_bars(frame, row, bars, theme);
        }
        return;
    }
    let groups = groups(state);
    let lines: usize = groups.iter().map(|group| group.bars.len()).sum();
    let free = usize::from(area.height).saturating_sub(groups.len());
    let height = u16::try_from((free / lines.max(1)).clamp(1, 4)).unwrap_or(1);
    let mut left = area;
    for group in groups {
        put(frame, left, styled(group.title, theme.title));
        left = below(left, 1);
        for bars in &group.bars {
            let row = Rect { height: height.min(left.height), ..left };
            draw_bars(frame, row, bars, theme);
            left = below(left, height);
        }
    }
}

fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

/// One line for each graph, and for the figures of the head.
fn summary(state: &State) -> Vec<Bars> {
    let history = &state.history;
    let find = |graph, name: &str| {
        let found = history.of(graph).find(|(found, _)| found.as_str() == name);
        found.map(|(_, line)| line.clone()).unwrap_or_default()
    };
    let all = |name: &str, line, write| Bars { name: name.to_owned(), line, write };
    vec![
        all("clients", history.sum(Graph::Clients), number),
        all("packets/s", history.sum(Graph::Packets), number),
        all(&format!("p99 {}", command(state)), find(Graph::RequestMs, "p99"), milliseconds),
        all("longest turn", find(Graph::TurnMs, "longest"), milliseconds),
        all("CPU, cores", find(Graph::Cpu, "cores"), cores),
        all("closes/s", history.sum(Graph::Closed), number),
    ]
}

/// The lines of all graphs.
fn groups(state: &State) -> Vec<Group> {
    let of = |graph, write: fn(Option<f64>) -> String| -> Vec<Bars> {
        let bars = |(name, line): (&Shown, &Line)| Bars { name: name.to_string(), line: line.clone(), write };
        // A state or a cause without a number in 15 minutes takes no place.
        let has_some = |line: &Line| line.iter().flatten().any(|number| *number > 0.0);
        let keeps_all = matches!(graph, Graph::Packets | Graph::RequestMs);
        state.history.of(graph).filter(|(_, line)| keeps_all || has_some(line)).map(bars).collect()
    };
    let group = |title: &str, bars| Group { title: title.to_owned(), bars };
    vec![
        group("Clients by state", of(Graph::Clients, number)),
        group("Packets in a second", of(Graph::Packets, number)),
        group(
            &format!("Latency of {} (c: of the next command)", command(state)),
            of(Graph::RequestMs, milliseconds),
        ),
        group("Closes in a second, by cause", of(Graph::Closed, number)),
    ]
}

/// The command whose latencies are shown.
fn command(state: &State) -> String {
    state.command.map_or_else(|| "all".to_owned(), |cmd| cmd.to_string())
}

fn number(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), rate)
}

fn cores(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), |cores| format!("{cores:.2}"))
}

fn draw_bars(frame: &mut Frame<'_>, area: Rect, bars: &Bars, theme: &Theme) {
    let numbers = if area.width < MIN_FOR_NUMBERS { 0 } else { NUMBERS };
    let lengths = [Constraint::Length(NAME), Constraint::Fill(1), Constraint::Length(numbers)];
    let [name, middle, behind] = Layout::horizontal(lengths).areas(area);
    put(frame, name, styled(fit(&bars.name, usize::from(NAME - 1), false), theme.label));
    let columns = columns(&bars.line, usize::from(middle.width));
    let largest = columns.iter().flatten().copied().fold(0.0, f64::max);
    let levels = f64::from(middle.height) * 8.0;
    // Whatever is above nothing is seen.
    let level = |number: f64| if largest > 0.0 { (number / largest * levels).ceil() as u64 } else { 0 };
    let data: Vec<Option<u64>> = columns.iter().map(|number| number.map(level)).collect();
    let sparkline = Sparkline::default().data(data).max(levels as u64).style(theme.graph);
    let width = u16::try_from(columns.len()).unwrap_or(u16::MAX).min(middle.width);
    // The present is at the right edge.
    frame.render_widget(sparkline, Rect { x: middle.right() - width, width, ..middle });
    let now = (bars.write)(bars.line.back().copied().flatten());
    let most = (bars.write)(bars.line.iter().flatten().copied().reduce(f64::max));
    put(frame, behind, TextLine::from(format!(" {} max {most}", fit(&now, 7, true))));
}
