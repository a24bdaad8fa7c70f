//! The busiest commands, the causes of closes, and counts since the server began.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::figures::{Command, Stats};
use super::super::numbers::{bytes, count, milliseconds, rate};
use super::super::shown::fit;
use super::super::state::State;
use super::super::theme::Theme;
use super::{put_list, styled};

/// The columns of the name of a command, at least.
const MIN_NAME: usize = 8;
/// The other columns: title, width, and value.
type Column = (&'static str, usize, fn(&Command) -> String);
const COLUMNS: [Column; 6] = [
    ("/s", 6, |command| rate(command.per_second)),
    ("p50", 7, |command| milliseconds(command.p50_ms)),
    ("p99", 7, |command| milliseconds(command.p99_ms)),
    ("p99.9", 7, |command| milliseconds(command.p999_ms)),
    ("stalls", 6, |command| count(command.stalls, 6)),
    ("in 60 s", 9, |command| count(command.count, 9)),
];

/// Draws the commands, the busiest first.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let width = usize::from(area.width);
    let (mut columns, mut used) = (vec![], 6 + MIN_NAME);
    for column in COLUMNS {
        if used + column.1 < width {
            used += column.1 + 1;
            columns.push(column);
        }
    }
    let name = MIN_NAME + width.saturating_sub(used).min(32);
    let row = |cmd: String, command: &str, cells: Vec<String>| {
        let cells = cells.into_iter().zip(&columns).map(|(cell, (_, width, _))| fit(&cell, *width, true));
        let cells: Vec<_> =
            [fit(&cmd, 5, true), fit(command, name, false)].into_iter().chain(cells).collect();
        cells.join(" ")
    };
    let titles = columns.iter().map(|(title, ..)| (*title).to_owned()).collect();
    let title = styled(row("cmd".to_owned(), "command", titles), theme.header);
    let commands = state.stats.iter().flat_map(|stats| &stats.commands);
    let lines = commands.map(|command| {
        let cells = columns.iter().map(|(.., cell)| cell(command)).collect();
        let is_chosen = command.cmd.is_some() && state.command == command.cmd;
        let style = if is_chosen { theme.title } else { ratatui::style::Style::new() };
        let cmd = command.cmd.map_or_else(|| "-".to_owned(), |cmd| cmd.to_string());
        styled(row(cmd, command.title().as_str(), cells), style)
    });
    put_list(frame, area, title, lines);
}

/// Draws the causes of closes, the most frequent first.
pub(super) fn draw_causes(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let mut causes: Vec<_> = state.stats.iter().flat_map(|stats| &stats.closed_by_cause).collect();
    causes.sort_by_key(|(_, closed)| std::cmp::Reverse(**closed));
    let name = usize::from(area.width).saturating_sub(9);
    let line =
        move |name_of: &str, number: &str| format!("{} {}", fit(name_of, name, false), fit(number, 7, true));
    let title = styled(line("closed by cause", "all"), theme.header);
    put_list(
        frame,
        area,
        title,
        causes.into_iter().map(|(cause, closed)| Line::from(line(cause.as_str(), &count(*closed, 7)))),
    );
}

/// Draws the counts.
pub(super) fn draw_totals(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let width = usize::from(area.width);
    let lines = state.stats.iter().flat_map(totals).map(|(name, value)| {
        Line::from(format!("{} {}", name, fit(&value, width.saturating_sub(name.len() + 1), true)))
    });
    put_list(frame, area, styled(fit("since the start", width, false), theme.header), lines);
}

/// The counts since the server began, and what it takes of the machine.
fn totals(stats: &Stats) -> [(&'static str, String); 13] {
    let totals = &stats.totals;
    [
        ("received", totals.packets_received.to_string()),
        ("sent", totals.packets_sent.to_string()),
        ("in", bytes(totals.bytes_received)),
        ("out", bytes(totals.bytes_sent)),
        ("accepted", totals.accepted.to_string()),
        ("closed", totals.closed.to_string()),
        ("logins", totals.logins.to_string()),
        ("bad requests", totals.bad_requests.to_string()),
        ("send errors", totals.send_errors.to_string()),
        ("stalls", totals.stalls.to_string()),
        ("memory", bytes(stats.memory_bytes)),
        ("outboxes", bytes(stats.outbox_bytes)),
        ("descriptors", format!("{}/{}", stats.fds, stats.fds_limit)),
    ]
}
