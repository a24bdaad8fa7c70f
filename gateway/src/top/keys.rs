//! What keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::columns::COLUMNS;
use super::history::History;
use super::shown::Shown;
use super::state::{Act, ActKind, Focus, State, VIEWS, View};

/// The most characters of a search, the server's own limit.
const MAX_SEARCH: usize = 64;

/// The keys and what they do, for the help.
pub(super) const KEYS: [(&str, &str); 14] = [
    ("q, Ctrl-C", "quit"),
    ("?, h", "this help"),
    ("Tab, 1 2 3 4", "all, graphs, commands, connections"),
    ("c, C", "the latencies of the next command, the previous one"),
    ("Up, Down", "select a connection"),
    ("PgUp, PgDn, Home, End", "and far away"),
    ("Right, Left", "sort connections by the next column, the previous one"),
    ("r", "reverse the order"),
    ("/", "search id, peer, account, role, custodian, platform; Enter ends it"),
    ("Esc", "no search"),
    ("a", "connections of all servers of the cluster, of this one"),
    ("k", "kick the selected connection, after a question"),
    ("d", "its debug on or off, after a question"),
    ("y, n", "the answer to a question"),
];

/// What follows from a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing more than that the screen may look different.
    Nothing,
    /// Other figures are wanted.
    AskFigures,
    /// Other connections are wanted.
    AskPage,
    Act(Act),
    Quit,
}

/// Takes a key.
pub(super) fn press(state: &mut State, key: KeyEvent) -> Outcome {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    if is_control && key.code == KeyCode::Char('c') {
        return Outcome::Quit;
    }
    if is_control || key.modifiers.contains(KeyModifiers::ALT) {
        return Outcome::Nothing;
    }
    state.notice = None;
    match state.focus.clone() {
        Focus::Figures => in_figures(state, key.code),
        Focus::Search => in_search(state, key.code),
        Focus::Help(line) => in_help(state, line, key.code),
        Focus::Question(act) => answer(state, act, key.code),
    }
}

fn in_figures(state: &mut State, key: KeyCode) -> Outcome {
    let page = state.rows.max(2) - 1;
    match key {
        KeyCode::Right | KeyCode::Left | KeyCode::Char('r' | '/') if state.shows_all_nodes() => {
            say(state, "the connections of all servers are neither sorted nor searched: a shows this one's")
        }
        KeyCode::Char('a') if !state.is_in_cluster() => say(state, "this server is in no cluster"),
        KeyCode::Char('a') => {
            state.wants_all_nodes = !state.wants_all_nodes;
            from_the_first(state)
        }
        KeyCode::Char('q') => Outcome::Quit,
        KeyCode::Char('?' | 'h') => focus(state, Focus::Help(0)),
        KeyCode::Char('/') => focus(state, Focus::Search),
        KeyCode::Tab => view(state, 1),
        KeyCode::BackTab => view(state, VIEWS.len() - 1),
        KeyCode::Char(digit @ '1'..='4') => {
            let index = (digit as usize).wrapping_sub('1' as usize);
            state.view = VIEWS.get(index).copied().unwrap_or(View::All);
            Outcome::Nothing
        }
        KeyCode::Char('c') => choose_command(state, true),
        KeyCode::Char('C') => choose_command(state, false),
        KeyCode::Up => select(state, state.cursor.saturating_sub(1)),
        KeyCode::Down => select(state, state.cursor.saturating_add(1)),
        KeyCode::PageUp => select(state, state.cursor.saturating_sub(page)),
        KeyCode::PageDown => select(state, state.cursor.saturating_add(page)),
        KeyCode::Home => select(state, 0),
        KeyCode::End => select(state, usize::MAX),
        KeyCode::Right => sort(state, 1),
        KeyCode::Left => sort(state, COLUMNS.len() - 1),
        KeyCode::Char('r') => {
            state.is_descending = !state.is_descending;
            from_the_first(state)
        }
        KeyCode::Esc if !state.search.is_empty() => {
            state.search.clear();
            from_the_first(state)
        }
        KeyCode::Char('k') => ask_first(state, |_| ActKind::Kick),
        KeyCode::Char('d') => ask_first(state, |is_debugged| ActKind::Debug { on: !is_debugged }),
        _ => Outcome::Nothing,
    }
}

fn in_search(state: &mut State, key: KeyCode) -> Outcome {
    match key {
        KeyCode::Char(letter) if state.search.chars().count() < MAX_SEARCH => state.search.push(letter),
        KeyCode::Backspace => {
            state.search.pop();
        }
        KeyCode::Enter => return focus(state, Focus::Figures),
        KeyCode::Esc => {
            state.search.clear();
            state.focus = Focus::Figures;
        }
        _ => return Outcome::Nothing,
    }
    from_the_first(state)
}

/// A help that does not fit moves up and down; any other key closes it.
fn in_help(state: &mut State, line: u16, key: KeyCode) -> Outcome {
    let last = u16::try_from(KEYS.len() - 1).unwrap_or_default();
    match key {
        KeyCode::Char('q') => Outcome::Quit,
        KeyCode::Down => focus(state, Focus::Help(line.saturating_add(1).min(last))),
        KeyCode::Up => focus(state, Focus::Help(line.saturating_sub(1))),
        _ => focus(state, Focus::Figures),
    }
}

fn answer(state: &mut State, act: Act, key: KeyCode) -> Outcome {
    match key {
        KeyCode::Char('y' | 'Y') => {
            state.focus = Focus::Figures;
            Outcome::Act(act)
        }
        KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc => focus(state, Focus::Figures),
        _ => Outcome::Nothing,
    }
}

fn say(state: &mut State, notice: &str) -> Outcome {
    state.notice = Some(Shown::new(notice));
    Outcome::Nothing
}

fn focus(state: &mut State, focus: Focus) -> Outcome {
    state.focus = focus;
    Outcome::Nothing
}

fn view(state: &mut State, step: usize) -> Outcome {
    let index = VIEWS.iter().position(|view| *view == state.view).unwrap_or_default();
    state.view = VIEWS.get((index + step) % VIEWS.len()).copied().unwrap_or(View::All);
    Outcome::Nothing
}

fn select(state: &mut State, cursor: usize) -> Outcome {
    state.cursor = cursor;
    state.scroll();
    if state.is_fetched() { Outcome::Nothing } else { Outcome::AskPage }
}

/// Asks for another list, and shows it from its beginning.
fn from_the_first(state: &mut State) -> Outcome {
    state.cursor = 0;
    state.scroll();
    Outcome::AskPage
}

fn sort(state: &mut State, step: usize) -> Outcome {
    state.sorted = (state.sorted + step) % COLUMNS.len();
    from_the_first(state)
}

/// The commands in order, behind them all commands together, and then again from the first.
fn choose_command(state: &mut State, forward: bool) -> Outcome {
    let known = state.stats.iter().flat_map(|stats| &stats.commands).map(|command| command.cmd);
    let mut choices: Vec<Option<u16>> = known.chain([state.command]).collect();
    choices.push(None);
    choices.sort_unstable();
    choices.dedup();
    let index = choices.iter().position(|choice| *choice == state.command).unwrap_or_default();
    let step = if forward { 1 } else { choices.len() - 1 };
    state.command = choices.get((index + step) % choices.len()).copied().flatten();
    state.history = History::default();
    Outcome::AskFigures
}

/// Asks before something is done to the selected connection. `kind` gets whether it is under debug.
fn ask_first(state: &mut State, kind: impl Fn(bool) -> ActKind) -> Outcome {
    let Some(connection) = state.connection(state.cursor) else { return Outcome::Nothing };
    if !state.has_token {
        let needed =
            "kick and debug need --token-file FILE, with the token of the server's --admin-token-file";
        return say(state, needed);
    }
    let name = if connection.account.as_str().is_empty() { "nobody" } else { connection.account.as_str() };
    let node = &connection.node;
    let of = if node.as_str().is_empty() { String::new() } else { format!(" of {node}") };
    let is_own = state.stats.as_ref().is_some_and(|stats| stats.node.as_ref() == Some(node));
    let act = Act {
        kind: kind(connection.debug),
        node: if is_own { Shown::default() } else { node.clone() },
        id: connection.id.clone(),
        connected_ms: connection.connected_ms.clone(),
        whom: format!("{}{of} ({name}, {})", connection.id, connection.peer),
    };
    focus(state, Focus::Question(act))
}

#[cfg(test)]
mod tests;
