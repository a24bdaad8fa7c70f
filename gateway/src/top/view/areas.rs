//! Which part of the screen shows what.

use ratatui::layout::{Constraint, Layout, Rect};

use super::super::state::View;
use super::graphs::LINES;

/// The narrowest screen that shows the causes of closes beside the commands.
const MIN_BESIDE: u16 = 70;
/// The lowest screen that shows graphs and commands above the connections.
const MIN_FOR_GRAPHS: u16 = 20;
const MIN_FOR_COMMANDS: u16 = 15;
/// The columns of causes and totals.
const CAUSES: u16 = 24;
/// The lines of totals, with their title.
const TOTALS: u16 = 14;

/// The parts of a screen; one without a place is empty.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Areas {
    pub(super) head: Rect,
    pub(super) graphs: Rect,
    pub(super) commands: Rect,
    pub(super) causes: Rect,
    pub(super) totals: Rect,
    pub(super) connections: Rect,
    pub(super) footer: Rect,
}

impl Areas {
    /// The parts of a view, between a head and a footer of those heights.
    pub(super) fn of(area: Rect, view: View, head: u16, footer: u16) -> Self {
        let outer =
            Layout::vertical([Constraint::Length(head), Constraint::Fill(1), Constraint::Length(footer)]);
        let [head, body, footer] = outer.areas(area);
        let areas = Areas { head, footer, ..Areas::default() };
        match view {
            View::All => areas.with_all(body, area),
            View::Graphs => Areas { graphs: body, ..areas },
            View::Commands => areas.with_commands(body, true),
            View::Connections => Areas { connections: body, ..areas },
        }
    }

    fn with_all(self, body: Rect, area: Rect) -> Self {
        let high = |least| area.height >= least;
        let graphs = if high(MIN_FOR_GRAPHS) { LINES * (area.height / 24).clamp(1, 3) } else { 0 };
        let commands = if high(MIN_FOR_COMMANDS) { (area.height / 4).clamp(4, 16) } else { 0 };
        let lengths = [Constraint::Length(graphs), Constraint::Length(commands), Constraint::Fill(1)];
        let [graphs, commands, connections] = Layout::vertical(lengths).areas(body);
        Areas { graphs, connections, ..self }.with_commands(commands, false)
    }

    /// Commands with causes, and perhaps totals, on their right if there is room, or else below them.
    fn with_commands(self, area: Rect, with_totals: bool) -> Self {
        if area.width < MIN_BESIDE {
            if !with_totals {
                return Areas { commands: area, ..self };
            }
            let parts = [Constraint::Fill(2), Constraint::Fill(1), Constraint::Fill(1)];
            let [commands, causes, totals] = Layout::vertical(parts).areas(area);
            return Areas { commands, causes, totals, ..self };
        }
        let beside = Layout::horizontal([Constraint::Fill(1), Constraint::Length(CAUSES)]).spacing(2);
        let [commands, causes] = beside.areas(area);
        if !with_totals {
            return Areas { commands, causes, ..self };
        }
        let below = [Constraint::Fill(1), Constraint::Length(TOTALS.min(area.height / 2 + 4))];
        let [causes, totals] = Layout::vertical(below).areas(causes);
        Areas { commands, causes, totals, ..self }
    }
}
