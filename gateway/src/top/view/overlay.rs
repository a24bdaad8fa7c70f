//! Boxes over the figures: the help, and the question before an act.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use super::super::keys::KEYS;
use super::super::shown::fit;
use super::super::state::{Act, ActKind};
use super::super::theme::Theme;

/// The columns of the names of keys.
const KEY: usize = 22;

/// Draws the help from a line on.
pub(super) fn draw_help(frame: &mut Frame<'_>, area: Rect, line: u16, theme: &Theme) {
    let is_narrow = area.width < 60;
    let lines: Vec<_> = KEYS
        .iter()
        .skip(usize::from(line))
        .map(|(key, does)| {
            let key = if is_narrow { format!("{key}: ") } else { fit(key, KEY, false) };
            Line::from_iter([Span::styled(key, theme.key), Span::raw(*does)])
        })
        .collect();
    draw_box(frame, area, " Keys (Up, Down: more; any other key closes) ", lines, 92, 17);
}

/// Draws the question.
pub(super) fn draw_question(frame: &mut Frame<'_>, area: Rect, act: &Act, theme: &Theme) {
    let question = match act.kind {
        ActKind::Kick => "Kick this client?",
        ActKind::Debug { on: true } => "Turn debug on for this client?",
        ActKind::Debug { on: false } => "Turn debug off for this client?",
    };
    let keys =
        [Span::styled("y", theme.key), Span::raw(" yes   "), Span::styled("n", theme.key), Span::raw(" no")];
    let lines = vec![Line::from(question), Line::from(act.whom.clone()), Line::from_iter(keys)];
    draw_box(frame, area, " Are you sure? ", lines, 60, 6);
}

fn draw_box(frame: &mut Frame<'_>, area: Rect, title: &str, lines: Vec<Line<'_>>, width: u16, height: u16) {
    let (width, height) = (width.min(area.width), height.min(area.height));
    let x = area.x + (area.width - width) / 2;
    let y = area.y + (area.height - height) / 2;
    let area = Rect { x, y, width, height };
    frame.render_widget(Clear, area);
    let text = Paragraph::new(lines).wrap(Wrap { trim: false }).block(Block::bordered().title(title));
    frame.render_widget(text, area);
}
