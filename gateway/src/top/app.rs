//! The loop: hears of keys, signals and answers, and draws.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyEventKind};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::ask::{Asker, Message};
use super::keys::{Outcome, press};
use super::screen::Screen;
use super::shown::Shown;
use super::state::State;
use super::theme::Theme;
use super::view;
use crate::http_client::HttpClient;

/// The time from one question to the next.
const EVERY: Duration = Duration::from_secs(1);
/// The longest wait for an answer before the figures on the screen are called old.
const LATE: Duration = Duration::from_secs(2);

/// What is asked for, and when again.
struct App {
    state: State,
    asker: Asker,
    /// Whether an answer is on its way: there is one question of each kind at a time.
    figures_asked: bool,
    /// When the last question for figures began.
    asked_at: Instant,
    page_asked: bool,
    /// Another page is wanted than the one that is on its way.
    page_is_stale: bool,
    next: Instant,
}

/// Shows the figures until the user or a signal ends it. Returns the exit status.
///
/// # Errors
/// One line that says why the terminal cannot be used.
pub(super) fn run(state: State, client: HttpClient, theme: &Theme) -> Result<u8, String> {
    let (to, messages) = channel();
    watch_signals(to.clone())?;
    let mut screen = Screen::open()?;
    watch_terminal(to.clone())?;
    let next = now();
    let asker = Asker::new(client, to);
    let app = App {
        state,
        asker,
        figures_asked: false,
        asked_at: next,
        page_asked: false,
        page_is_stale: false,
        next,
    };
    app.run(&mut screen, &messages, theme)
}

impl App {
    fn run(mut self, screen: &mut Screen, messages: &Receiver<Message>, theme: &Theme) -> Result<u8, String> {
        loop {
            if self.next <= now() {
                self.next = now() + EVERY;
                self.notice_wait();
                self.ask_figures()?;
                self.ask_page()?;
            }
            self.state.rows = view::rows(screen.area(), &self.state);
            self.state.scroll();
            screen.draw(|frame| view::draw(frame, &self.state, theme))?;
            match messages.recv_timeout(self.next.saturating_duration_since(now())) {
                Ok(message) => {
                    if let Some(status) = self.hear(message)? {
                        return Ok(status);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
    }

    /// Takes a message. Returns the exit status if it ends the program.
    fn hear(&mut self, message: Message) -> Result<Option<u8>, String> {
        match message {
            Message::Terminal(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                match press(&mut self.state, key) {
                    Outcome::Nothing => {}
                    Outcome::AskFigures => self.ask_figures()?,
                    Outcome::AskPage => self.ask_page()?,
                    Outcome::Act(act) => self.asker.act(act)?,
                    Outcome::Quit => return Ok(Some(0)),
                }
            }
            // The next drawing looks at the size.
            Message::Terminal(_) => {}
            Message::NoTerminal(reason) => return Err(reason),
            // The status that a shell reports for a process that the signal ended.
            Message::Signal(signal) => return Ok(Some(u8::try_from(128 + signal).unwrap_or(u8::MAX))),
            Message::Figures(wanted, figures) => {
                self.figures_asked = false;
                self.state.take_figures(&wanted, *figures);
            }
            Message::Page(page) => {
                self.page_asked = false;
                self.state.take_page(page);
                if std::mem::take(&mut self.page_is_stale) {
                    self.ask_page()?;
                }
            }
            Message::Acted(result) => {
                let notice = result.unwrap_or_else(|reason| format!("not done: {reason}"));
                self.state.notice = Some(Shown::new(&notice));
                self.ask_page()?;
            }
        }
        Ok(None)
    }

    /// A server that takes its time for an answer may fare otherwise than the last one said.
    fn notice_wait(&mut self) {
        let waited = now().saturating_duration_since(self.asked_at);
        if self.figures_asked && waited >= LATE {
            self.state.gone = Some(Shown::new(&format!("no answer for {} s", waited.as_secs())));
        }
    }

    fn ask_figures(&mut self) -> Result<(), String> {
        if !std::mem::replace(&mut self.figures_asked, true) {
            self.asked_at = now();
            self.asker.ask_figures(self.state.wanted())?;
        }
        Ok(())
    }

    fn ask_page(&mut self) -> Result<(), String> {
        if std::mem::replace(&mut self.page_asked, true) {
            self.page_is_stale = true;
            return Ok(());
        }
        self.asker.ask_page(self.state.wanted_page())
    }
}

#[expect(clippy::disallowed_methods, reason = "a tool has no reactor whose clock it could read")]
fn now() -> Instant {
    Instant::now()
}

/// Tells of signals that would end the program without giving the terminal back.
fn watch_signals(to: Sender<Message>) -> Result<(), String> {
    let failed = |error| format!("signals: {error}");
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGQUIT]).map_err(failed)?;
    let watch = move || signals.forever().for_each(|signal| drop(to.send(Message::Signal(signal))));
    Builder::new().name("signals".into()).spawn(watch).map(drop).map_err(failed)
}

/// Tells of keys and of new sizes.
fn watch_terminal(to: Sender<Message>) -> Result<(), String> {
    let watch = move || {
        loop {
            let message = match event::read() {
                Ok(event) => Message::Terminal(event),
                Err(error) => Message::NoTerminal(format!("the terminal: {error}")),
            };
            let is_last = matches!(message, Message::NoTerminal(_));
            if to.send(message).is_err() || is_last {
                return;
            }
        }
    };
    Builder::new().name("keys".into()).spawn(watch).map(drop).map_err(|error| format!("threads: {error}"))
}
