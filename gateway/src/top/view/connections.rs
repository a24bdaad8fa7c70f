//! The table of connections.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::columns::{COLUMNS, fitting};
use super::super::figures::number;
use super::super::shown::{Shown, fit, width};
use super::super::state::State;
use super::super::theme::Theme;
use super::{put_list, styled};

/// The width of the names of servers, at least and at most.
const NODE: (usize, usize) = (4, 16);

/// Draws the table.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let is_sorted = !state.shows_all_nodes();
    let node = (!is_sorted).then(|| {
        let names = state.page.connections.iter().map(|one| width(one.node.as_str()));
        names.max().unwrap_or_default().clamp(NODE.0, NODE.1)
    });
    // The name of the server, with the space behind it.
    let beside = |name: &str| node.map_or_else(String::new, |width| format!("{} ", fit(name, width, false)));
    let left = usize::from(area.width).saturating_sub(node.map_or(0, |width| width + 1));
    let columns = fitting(left, if is_sorted { state.sorted } else { 0 });
    let now = state.stats.as_ref().map_or(0, |stats| number(&stats.now_ms));
    let arrow = if state.is_descending { "↓" } else { "↑" };
    let titles = columns.iter().filter_map(|(index, width)| {
        let column = COLUMNS.get(*index)?;
        let title = if is_sorted && *index == state.sorted {
            format!("{arrow}{}", column.title)
        } else {
            column.title.to_owned()
        };
        Some(fit(&title, *width, !column.is_text))
    });
    let header = styled(beside("node") + &titles.collect::<Vec<_>>().join(" "), theme.header);
    let last = state.reachable().min(state.first + usize::from(area.height));
    let rows = (state.first..last).map(|index| {
        let found = state.connection(index);
        let cells = columns.iter().filter_map(|(column, width)| {
            let column = COLUMNS.get(*column)?;
            let cell = found.map_or_else(|| "…".to_owned(), |found| (column.cell)(found, now));
            Some(fit(&cell, *width, !column.is_text))
        });
        let node = beside(found.map_or("…", |found| found.node.as_str()));
        let style = if index == state.cursor { theme.selected } else { Style::new() };
        styled(node + &cells.collect::<Vec<_>>().join(" "), style)
    });
    let lines: Vec<_> = std::iter::once(header).chain(rows).collect();
    put_list(frame, area, styled(title(state), theme.title), lines.into_iter());
}

/// Which servers have not answered.
fn missing(nodes: &[Shown]) -> String {
    let names: Vec<_> = nodes.iter().map(Shown::as_str).collect();
    if names.is_empty() { String::new() } else { format!(", no answer from {}", names.join(", ")) }
}

fn title(state: &State) -> String {
    let (total, matching) = (state.page.total, state.page.matching);
    let found = if state.shows_all_nodes() {
        format!("connections of all servers: {total}{}", missing(&state.page.missing_nodes))
    } else if state.search.is_empty() {
        format!("connections: {total}")
    } else {
        format!("connections with \"{}\": {matching} of {total}", Shown::new(&state.search))
    };
    let place = if state.reachable() == 0 { String::new() } else { format!(", at {}", state.cursor + 1) };
    let cut = if state.reachable() < matching {
        format!(", the first {} can be reached", state.reachable())
    } else {
        String::new()
    };
    match &state.page_is_old {
        // A server that is gone is told of above.
        Some(reason) if state.gone.is_none() => format!("{found}{place} (old: {reason})"),
        _ => format!("{found}{place}{cut}"),
    }
}
