//! `sysconn top`: the figures of a running server in a terminal.

mod answers;
mod app;
mod ask;
mod columns;
mod figures;
mod history;
mod keys;
mod numbers;
mod once;
mod screen;
mod shown;
mod state;
mod theme;
mod view;

use std::io::IsTerminal as _;

use crate::http_client::{HttpClient, read_certificates, read_token};
use crate::options::{TopTask, of_option};
use crate::output::print;
use state::State;
use theme::Theme;

/// Shows the figures, or prints them once. Returns the exit status.
///
/// # Errors
/// One line that says why that cannot be done.
pub(crate) fn top(task: &TopTask) -> Result<u8, String> {
    let token = task.token_file.as_deref().map(read_token).transpose().map_err(of_option("token-file"))?;
    let roots = task.ca.as_deref().map(read_certificates).transpose().map_err(of_option("ca"))?;
    let client = HttpClient::new(&task.address, token.as_deref(), roots)?;
    let server = task.address.to_string();
    let state = State::new(&server, token.is_some());
    if task.once {
        let failed = |reason| format!("{}: {reason}", state.server);
        let stats = ask::stats(&client).map_err(failed)?;
        let page = ask::page(&client, &state.wanted_page()).map_err(failed)?;
        return print(&once::lines(&stats, &page)).map(|()| 0);
    }
    let is_terminal = std::io::stdout().is_terminal();
    if !is_terminal || std::env::var_os("TERM").is_some_and(|name| name == "dumb") {
        let what = if is_terminal {
            "this terminal cannot move its cursor"
        } else {
            "standard output is no terminal"
        };
        return Err(format!("{what}: --once prints the figures once"));
    }
    // https://no-color.org
    let has_colors = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    app::run(state, client, &Theme::new(has_colors))
}
