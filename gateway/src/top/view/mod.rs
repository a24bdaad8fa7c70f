//! Draws the state on a terminal of any size.

mod areas;
mod commands;
mod connections;
mod graphs;
mod head;
mod overlay;

#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::shown::{Shown, wrap};
use super::state::{Focus, State};
use super::theme::Theme;
use areas::Areas;

pub(super) use head::describe;

/// The most lines of a notice.
const MAX_NOTICE: usize = 4;

/// The connections that a screen of this size has room for.
pub(super) fn rows(area: Rect, state: &State) -> usize {
    // A title and the names of the columns.
    usize::from(areas(area, state).connections.height.saturating_sub(2))
}

fn areas(area: Rect, state: &State) -> Areas {
    let footer = notice(state, area.width).map_or(1, |lines| lines.len() as u16);
    Areas::of(area, state.view, head::height(state, area.width), footer)
}

/// The lines of what there is to say, if there is something and nothing is typed.
fn notice(state: &State, columns: u16) -> Option<Vec<String>> {
    let notice = state.notice.as_ref().filter(|_| state.focus != Focus::Search)?;
    let mut lines = wrap(notice.as_str(), usize::from(columns));
    lines.truncate(MAX_NOTICE);
    Some(lines)
}

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, state: &State, theme: &Theme) {
    let area = frame.area();
    let areas = areas(area, state);
    head::draw(frame, areas.head, state, theme);
    graphs::draw(frame, areas.graphs, state, theme);
    commands::draw(frame, areas.commands, state, theme);
    commands::draw_causes(frame, areas.causes, state, theme);
    commands::draw_totals(frame, areas.totals, state, theme);
    connections::draw(frame, areas.connections, state, theme);
    draw_footer(frame, areas.footer, state, theme);
    match &state.focus {
        Focus::Help(line) => overlay::draw_help(frame, area, *line, theme),
        Focus::Question(act) => overlay::draw_question(frame, area, act, theme),
        Focus::Figures | Focus::Search => {}
    }
}

/// The last lines: what is typed, what an act came to, or the keys.
fn draw_footer(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    if state.focus == Focus::Search {
        let typed = format!("search: {}_   (Enter ends, Esc cancels)", Shown::new(&state.search));
        return put(frame, area, Line::from(typed));
    }
    if let Some(lines) = notice(state, area.width) {
        for (row, line) in area.rows().zip(lines) {
            put(frame, row, Line::styled(line, theme.warning));
        }
        return;
    }
    let keys = [
        ("q", "quit"),
        ("?", "help"),
        ("Tab", "view"),
        ("/", "search"),
        ("←→", "sort"),
        ("r", "reverse"),
        ("k", "kick"),
        ("d", "debug"),
        ("c", "cmd"),
    ];
    let spans = keys.iter().flat_map(|(key, does)| {
        [Span::styled(*key, theme.key), Span::raw(" "), Span::raw(*does), Span::raw("  ")]
    });
    put(frame, area, Line::from_iter(spans));
}

/// Draws a line at the top of an area, if that has room for it.
fn put(frame: &mut Frame<'_>, area: Rect, line: Line<'_>) {
    if let Some(row) = area.rows().next() {
        frame.render_widget(line, row);
    }
}

/// Draws a title and lines below it, as many as there is room for.
fn put_list(frame: &mut Frame<'_>, area: Rect, title: Line<'_>, lines: impl Iterator<Item = Line<'static>>) {
    put(frame, area, title);
    for (row, line) in area.rows().skip(1).zip(lines) {
        frame.render_widget(line, row);
    }
}

/// A line in one style over the whole width of an area.
fn styled(text: impl Into<String>, style: Style) -> Line<'static> {
    Line::styled(text.into(), style)
}
