//! `sysconn config --markdown`: the page of all options, made from their table.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use super::entry::{Entry, InEcho};
use super::table::groups;
use super::value_type::ValueType;

const HEAD: &str = "\
# Options

All options of `serve`, as `sysconn config --markdown` prints them; `cargo test -p sysconn-gateway` checks it.
A flag goes before the file that `--config` (or `SYSCONN_CONFIG`) names, and the file before the environment.
An empty variable counts as none.
[Operating](operating.md) tells how to use them, and [limits and timers](limits.md) what each limit does.
";

pub(super) fn command() -> Command {
    Command::new("config").about("Print a page about all options").display_name("sysconn").arg(
        Arg::new("markdown")
            .long("markdown")
            .action(ArgAction::SetTrue)
            .required(true)
            .help("As a page of Markdown"),
    )
}

/// The page.
pub(super) fn page() -> String {
    let mut page = HEAD.to_owned();
    for (title, entries) in groups() {
        let _ = write!(page, "\n## {title}\n\n| Flag | Key | Variable | Default | Meaning |\n");
        page.push_str("| --- | --- | --- | --- | --- |\n");
        for entry in entries {
            page.push_str(&row(entry));
        }
    }
    page
}

fn row(entry: &Entry) -> String {
    let value = entry.value_type.placeholder();
    let default = match entry.default {
        "" => "none".to_owned(),
        default => format!("`{default}`"),
    };
    let echo = match entry.echo {
        InEcho::Same => String::new(),
        InEcho::Default(default) => format!("; of `echo`: `{default}`"),
        InEcho::NoEffect => "; no effect in `echo`".to_owned(),
        InEcho::Absent => "; not in `echo`".to_owned(),
    };
    let list = if entry.value_type.is_repeatable() { ", a list" } else { "" };
    // The value of a switch may be left out, so it cannot be an argument of its own.
    let is_switch = matches!(entry.value_type, ValueType::Switch(_));
    let value = if is_switch { format!("[={value}]") } else { format!(" {value}") };
    let flag = format!("--{}{value}", entry.name).replace('|', "\\|");
    let (key, variable) = (entry.key(), entry.variable());
    // What looks like a tag would not be shown.
    let help = entry.help.replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;");
    format!("| `{flag}`{list} | `{key}` | `{variable}` | {default}{echo} | {help} |\n")
}
