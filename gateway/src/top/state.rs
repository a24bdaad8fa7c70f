//! What is shown and where the user is: plain data, changed by answers and keys.

use super::columns::COLUMNS;
use super::figures::{Connection, Page, Stats, number};
use super::history::{History, Part, SECONDS};
use super::shown::Shown;

/// The last connection that a sorted page can reach.
const MAX_SORTED: usize = 10_000;
/// Connections that are fetched before those on the screen, and with them in all.
const BEFORE: usize = 100;
const PAGE: usize = 400;
/// The column that connections are sorted by at first: packets received.
const SORTED: &str = "recv_count";

/// A part of the figures that fills the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    All,
    Graphs,
    Commands,
    Connections,
}

/// All views, in the order of their keys.
pub(super) const VIEWS: [View; 4] = [View::All, View::Graphs, View::Commands, View::Connections];

/// What to do to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Act {
    pub(super) kind: ActKind,
    /// The server of the cluster that has the connection; empty: the one that is asked.
    pub(super) node: Shown,
    pub(super) id: Shown,
    /// When the connection began: once the server was started anew, another one can have its id.
    pub(super) connected_ms: Shown,
    /// Account and address, for the question.
    pub(super) whom: String,
}

/// The kinds of acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ActKind {
    Kick,
    Debug { on: bool },
}

/// Who gets the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Focus {
    /// The figures.
    Figures,
    /// The search, while it is typed.
    Search,
    /// The help, from this line on.
    Help(u16),
    /// The question whether to act.
    Question(Act),
}

/// What to ask the server for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// How much of the past.
    pub(super) seconds: usize,
    /// The command whose latencies are wanted; `None`: all together.
    pub(super) cmd: Option<u16>,
}

/// Which connections to ask the server for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WantedPage {
    pub(super) of: ListOf,
    pub(super) offset: usize,
    pub(super) limit: usize,
}

/// What a list of connections is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ListOf {
    /// The server that is asked, sorted and searched.
    Server { sort: String, search: String },
    /// All servers of its cluster, by their names.
    AllNodes,
}

/// Everything that the view shows.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// The server's address.
    pub(super) server: Shown,
    pub(super) has_token: bool,
    pub(super) stats: Option<Stats>,
    pub(super) history: History,
    pub(super) page: Page,
    /// Why the last request had no answer.
    pub(super) gone: Option<Shown>,
    /// Why the connections are not those of now.
    pub(super) page_is_old: Option<Shown>,
    /// What the last act came to.
    pub(super) notice: Option<Shown>,
    pub(super) view: View,
    pub(super) focus: Focus,
    /// The index of the column to sort by.
    pub(super) sorted: usize,
    pub(super) is_descending: bool,
    pub(super) search: String,
    /// Whether the connections of all servers are wanted, if the server is in a cluster.
    pub(super) wants_all_nodes: bool,
    /// The selected connection and the first one on the screen, counted from the first of all.
    pub(super) cursor: usize,
    pub(super) first: usize,
    /// Connections on the screen.
    pub(super) rows: usize,
    /// The command whose latencies are shown; `None`: all.
    pub(super) command: Option<u16>,
}

impl State {
    pub(super) fn new(server: &str, has_token: bool) -> Self {
        State {
            server: Shown::new(server),
            has_token,
            stats: None,
            history: History::default(),
            page: Page::default(),
            gone: None,
            page_is_old: None,
            notice: None,
            view: View::All,
            focus: Focus::Figures,
            sorted: COLUMNS.iter().position(|column| column.name == SORTED).unwrap_or_default(),
            is_descending: true,
            search: String::new(),
            wants_all_nodes: false,
            cursor: 0,
            first: 0,
            rows: 1,
            command: None,
        }
    }

    /// What to ask for now.
    pub(super) fn wanted(&self) -> Wanted {
        let now_ms = self.stats.as_ref().map_or(u64::MAX, |stats| number(&stats.now_ms));
        Wanted { seconds: self.history.missing(now_ms), cmd: self.command }
    }

    /// Which connections to ask for now.
    pub(super) fn wanted_page(&self) -> WantedPage {
        let name = COLUMNS.get(self.sorted).map_or(SORTED, |column| column.name);
        let offset = self.first.saturating_sub(BEFORE).min(MAX_SORTED - PAGE);
        let of = if self.shows_all_nodes() {
            ListOf::AllNodes
        } else {
            let sort = format!("{}{name}", if self.is_descending { "-" } else { "" });
            ListOf::Server { sort, search: self.search.clone() }
        };
        WantedPage { of, offset, limit: PAGE }
    }

    pub(super) fn is_in_cluster(&self) -> bool {
        self.stats.as_ref().is_some_and(|stats| stats.node.is_some())
    }

    /// Whether the connections are those of all servers of the cluster, neither sorted nor searched.
    pub(super) fn shows_all_nodes(&self) -> bool {
        self.wants_all_nodes && self.is_in_cluster()
    }

    /// Takes the answers to what was wanted.
    pub(super) fn take_figures(&mut self, wanted: &Wanted, figures: Result<(Stats, Part), String>) {
        match figures {
            Err(reason) => self.gone = Some(Shown::new(&reason)),
            Ok((stats, history)) => {
                self.gone = None;
                let is_another = self.stats.as_ref().is_some_and(|old| old.started_ms != stats.started_ms);
                if is_another {
                    self.history = History::default();
                    // Its connections have the ids of those of the one before.
                    if matches!(self.focus, Focus::Question(_)) {
                        self.focus = Focus::Figures;
                    }
                }
                // The user may have chosen another command meanwhile.
                if wanted.cmd == self.command && !(is_another && wanted.seconds < SECONDS) {
                    self.history.append(history);
                }
                self.stats = Some(stats);
            }
        }
    }

    /// Takes a page of connections.
    pub(super) fn take_page(&mut self, page: Result<Page, String>) {
        match page {
            Err(reason) => self.page_is_old = Some(Shown::new(&reason)),
            Ok(page) => {
                self.page_is_old = None;
                self.page = page;
                self.scroll();
            }
        }
    }

    /// The connections that can be reached.
    pub(super) fn reachable(&self) -> usize {
        self.page.matching.min(MAX_SORTED)
    }

    /// A connection, counted from the first of all, if it was fetched.
    pub(super) fn connection(&self, index: usize) -> Option<&Connection> {
        self.page.connections.get(index.checked_sub(self.page.offset)?)
    }

    /// Whether all connections on the screen were fetched.
    pub(super) fn is_fetched(&self) -> bool {
        let last = self.reachable().min(self.first + self.rows.max(1));
        (self.first..last).all(|index| self.connection(index).is_some())
    }

    /// Moves the selection so that it is on the list, and the list so that the selection is on the screen.
    pub(super) fn scroll(&mut self) {
        self.cursor = self.cursor.min(self.reachable().saturating_sub(1));
        let rows = self.rows.max(1);
        self.first = self.first.clamp((self.cursor + 1).saturating_sub(rows), self.cursor);
        self.first = self.first.min(self.reachable().saturating_sub(rows));
    }
}
