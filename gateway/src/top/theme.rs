//! Colours: the terminal's own, without a background, so that they suit light and dark ones; or none at all.

use ratatui::style::{Color, Modifier, Style};

/// The styles of what is shown. Nothing is told by colour alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Theme {
    pub(super) title: Style,
    pub(super) header: Style,
    pub(super) selected: Style,
    pub(super) label: Style,
    pub(super) good: Style,
    pub(super) warning: Style,
    pub(super) trouble: Style,
    pub(super) graph: Style,
    pub(super) key: Style,
}

impl Theme {
    pub(super) fn new(has_colors: bool) -> Self {
        let plain = Style::new();
        let color = |color| if has_colors { plain.fg(color) } else { plain };
        Theme {
            title: plain.add_modifier(Modifier::BOLD),
            header: plain.add_modifier(Modifier::UNDERLINED),
            selected: plain.add_modifier(Modifier::REVERSED),
            label: color(Color::Cyan),
            good: color(Color::Green).add_modifier(Modifier::BOLD),
            warning: color(Color::Magenta).add_modifier(Modifier::BOLD),
            trouble: color(Color::Red).add_modifier(Modifier::BOLD | Modifier::REVERSED),
            graph: color(Color::Cyan),
            key: plain.add_modifier(Modifier::BOLD),
        }
    }
}
