//! What the program is asked to do, and why it may end before it does that.

use super::{
    Accounts, BenchTask, BlacklistTask, CallTask, Mint, Options, RefereeTask, Replay, RoutesTask, TopTask,
};

/// Why the program ends before it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Help or version was asked for: this text is for standard output, and the status is 0.
    Help(String),
    /// One line without its line end, for standard error; the status is 2.
    Error(String),
}

impl Exit {
    /// The text or the line.
    pub(crate) fn into_text(self) -> String {
        match self {
            Exit::Help(text) | Exit::Error(text) => text,
        }
    }
}

/// The task of the program.
#[derive(Clone, Debug)]
pub(crate) enum Task<S = Box<Options>> {
    /// Serve, with these options.
    Serve(S),
    /// Check these options and the files that they name. If true, print the problems only.
    Check(S, bool),
    /// Ask a server with these options, or the one at a URL, whether it serves.
    Health(S, Option<String>),
    /// Do something else.
    Tool(Box<Tool>),
}

/// A task beside serving. It has neither a file nor an environment.
#[derive(Clone, Debug)]
pub(crate) enum Tool {
    /// Replay a recording.
    Replay(Replay),
    /// Make a token.
    Mint(Mint),
    /// Look at the black list, or change it.
    Blacklist(BlacklistTask),
    /// Look at accounts, or remove one.
    Accounts(Accounts),
    /// Call a command of a server.
    Call(CallTask),
    /// List the routes of `serve`.
    Routes(RoutesTask),
    /// Judge a client.
    Referee(RefereeTask),
    /// Print this text: a page about the options, or completions for a shell.
    Print(String),
    /// Put a server under load.
    Bench(Box<BenchTask>),
    /// Show the figures of a server.
    Top(TopTask),
}
