//! The terminal: taken over at the start, and given back at the end, whatever the end is.

use ratatui::{DefaultTerminal, Frame};

/// The terminal in raw mode, with the alternate screen. A panic of any thread gives it back before its
/// message is printed; being dropped does too.
pub(super) struct Screen(DefaultTerminal);

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// One line that says why it cannot be drawn on.
    pub(super) fn open() -> Result<Self, String> {
        match ratatui::try_init() {
            Ok(terminal) => Ok(Screen(terminal)),
            Err(error) => {
                let _ = ratatui::try_restore();
                Err(format!("the terminal: {error}"))
            }
        }
    }

    /// Draws what has changed.
    ///
    /// # Errors
    /// One line that says why nothing can be written.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), String> {
        self.0.draw(draw).map(drop).map_err(|error| format!("the terminal: {error}"))
    }

    /// The size of the terminal, as the next drawing will find it.
    pub(super) fn area(&mut self) -> ratatui::layout::Rect {
        // After an error the last known size is as good as any.
        let _ = self.0.autoresize();
        self.0.get_frame().area()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // If the terminal is gone, there is nothing to give back.
        let _ = ratatui::try_restore();
    }
}

#[cfg(test)]
#[path = "../../tests/common/pty.rs"]
#[allow(dead_code, reason = "another test types")]
mod pty;

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::pty::Pty;
    use super::*;

    /// Tells this test that it runs in the terminal of another one.
    const INSIDE: &str = "SYSCONN_TEST_INSIDE";

    #[test]
    fn a_panic_gives_the_terminal_back() {
        if std::env::var_os(INSIDE).is_some() {
            let mut screen = Screen::open().unwrap();
            screen.draw(|_| {}).unwrap();
            panic!("on the screen");
        }
        let mut terminal = Pty::open(80, 24);
        assert!(terminal.is_cooked());
        let this = "top::screen::tests::a_panic_gives_the_terminal_back";
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", this, "--nocapture"]).env(INSIDE, "1");
        let mut inside = terminal.give_to(&mut command).spawn().unwrap();
        terminal.wait_for("on the screen");
        assert!(!inside.wait().unwrap().success());
        let (_, behind) = terminal.seen.split_once("\u{1b}[?1049h").expect("another screen is shown");
        let (_, behind) = behind.split_once("\u{1b}[?1049l").expect("the first screen is shown again");
        assert!(behind.contains("on the screen"), "{behind}");
        assert!(terminal.is_cooked());
    }
}
