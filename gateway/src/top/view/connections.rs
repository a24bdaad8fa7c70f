//! The table of connections.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::super::columns::{COLUMNS, fitting};
use super::super::figures::number;
use super::super::shown::{Shown, fit};
use super::super::state::State;
use super::super::theme::Theme;
use super::{put_list, styled};

/// Draws the table.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: &Theme) {
    let columns = fitting(usize::from(area.width), state.sorted);
    let now = state.stats.as_ref().map_or(0, |stats| number(&stats.now_ms));
    let arrow = if state.is_descending { "↓" } else { "↑" };
    let titles = columns.iter().filter_map(|(index, width)| {
        let column = COLUMNS.get(*index)?;
        let title =
            if *index == state.sorted { format!("{arrow}{}", column.title) } else { column.title.to_owned() };
        Some(fit(&title, *width, !column.is_text))
    });
    let header = styled(titles.collect::<Vec<_>>().join(" "), theme.header);
    let last = state.reachable().min(state.first + usize::from(area.height));
    let rows = (state.first..last).map(|index| {
        let cells = columns.iter().filter_map(|(column, width)| {
            let column = COLUMNS.get(*column)?;
            let cell =
                state.connection(index).map_or_else(|| "…".to_owned(), |found| (column.cell)(found, now));
            Some(fit(&cell, *width, !column.is_text))
        });
        let style = if index == state.cursor { theme.selected } else { Style::new() };
        styled(cells.collect::<Vec<_>>().join(" "), style)
    });
    let lines: Vec<_> = std::iter::once(header).chain(rows).collect();
    put_list(frame, area, styled(title(state), theme.title), lines.into_iter());
}

fn title(state: &State) -> String {
    let (total, matching) = (state.page.total, state.page.matching);
    let found = if state.search.is_empty() {
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
