//! Options from the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::OsStringValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::completions::{command as completions_command, print as completions};
use super::entry::{Entry, InEcho};
use super::load::Given;
use super::nearest::nearest;
use super::table::entries;
use super::value_type::TomlType;
use super::{
    Exit, Mode, Task, Tool, accounts, bench, blacklist_command, call, did_you_mean, escape, markdown, mint,
    referee, replay, top,
};

const AFTER_HELP: &str = "\
Each option can also stand in the TOML file that --config names (max_len = \"512KiB\")
and in the environment (SYSCONN_MAX_LEN=512KiB, SYSCONN_CONFIG=FILE). A flag goes before the
file, and the file before the environment. A repeatable option is an array in the file, and has
commas in the environment.

Durations: 50us, 250ms, 60s, 5m, 2h. Sizes: bytes, or 512KiB, 1MiB. 0 turns a timer or a limit off.";

/// The command line of `serve` or `echo`.
pub(super) struct CommandLine {
    pub(super) mode: Mode,
    /// The file to read.
    pub(super) file: Option<PathBuf>,
    pub(super) given: Vec<Given>,
}

/// Reads the arguments; the first is the program's own name.
pub(super) fn parse(args: impl Iterator<Item = OsString>) -> Result<Task<CommandLine>, Exit> {
    let args: Vec<_> = args.skip(1).collect();
    let commands = match args.first() {
        Some(first) if first == "accounts" => "list, show or remove",
        Some(first) if first == "blacklist" => "list, add, remove or clear",
        _ => {
            "serve, echo, check-config, healthcheck, config, completions, replay, accounts, blacklist, token, call, routes, referee, bench or top"
        }
    };
    let matches = program().try_get_matches_from(args).map_err(|error| exit(&error, commands))?;
    let tool = |tool| Ok(Task::Tool(Box::new(tool)));
    let (mode, matches) = match matches.subcommand() {
        Some(("replay", matches)) => return tool(Tool::Replay(replay::read(matches))),
        Some(("token", matches)) => return tool(Tool::Mint(mint::read(matches))),
        Some(("blacklist", matches)) => return tool(Tool::Blacklist(blacklist_command::read(matches))),
        Some(("accounts", matches)) => return tool(Tool::Accounts(accounts::read(matches))),
        Some(("call", matches)) => return tool(Tool::Call(call::read(matches)?)),
        Some(("routes", matches)) => return tool(Tool::Routes(call::read_routes(matches))),
        Some(("top", matches)) => return tool(Tool::Top(top::read(matches)?)),
        Some(("referee", matches)) => return tool(Tool::Referee(referee::read(matches))),
        Some(("config", _)) => return tool(Tool::Print(markdown::page())),
        Some(("completions", matches)) => return tool(Tool::Print(completions(matches))),
        Some(("check-config", matches)) => {
            return Ok(Task::Check(command_line(Mode::Serve, matches), matches.get_flag("quiet")));
        }
        Some(("healthcheck", matches)) => {
            let url = matches.get_one::<String>("url").cloned();
            return Ok(Task::Health(command_line(Mode::Serve, matches), url));
        }
        Some(("bench", matches)) => return tool(Tool::Bench(Box::new(bench::read(matches)?))),
        Some(("echo", echo)) => (Mode::Echo, echo),
        Some((_, serve)) => (Mode::Serve, serve),
        None => (Mode::Serve, &matches),
    };
    Ok(Task::Serve(command_line(mode, matches)))
}

fn command_line(mode: Mode, matches: &ArgMatches) -> CommandLine {
    let entries = entries().filter(|entry| entry.applies_to(mode));
    CommandLine {
        mode,
        file: matches.get_one::<PathBuf>("config").cloned(),
        given: entries.filter_map(|entry| given(entry, matches)).collect(),
    }
}

fn given(entry: &'static Entry, matches: &ArgMatches) -> Option<Given> {
    let values = matches.get_many::<OsString>(entry.name)?.cloned().collect();
    Some(Given { entry, origin: format!("--{}", entry.name), values })
}

pub(super) fn program() -> Command {
    let sysconn = Command::new("sysconn")
        .version(env!("CARGO_PKG_VERSION"))
        .about("The connection layer of a game server. Without a command it runs serve.")
        .bin_name("sysconn")
        .no_binary_name(true)
        .propagate_version(true)
        // One line for each option, whatever the length of its name.
        .term_width(0)
        .args_conflicts_with_subcommands(true);
    let serve = Command::new("serve").about("The game gateway");
    let echo = Command::new("echo").about("Plain RFC 6455 echo, for conformance suites and benchmarks");
    let check = Command::new("check-config")
        .about("Check the options of serve and the files that they name, and print each with its source")
        .arg(Arg::new("quiet").long("quiet").action(ArgAction::SetTrue).help("Print problems only"));
    let health = Command::new("healthcheck")
        .about("Ask whether a server serves: the one that these options are of, or the one at URL")
        .arg(
            Arg::new("url")
                .value_name("URL")
                .help("http://HOST:PORT/PATH, https://HOST:PORT/PATH, or unix:SOCKET for /readyz there"),
        );
    with_options(sysconn, Mode::Serve)
        .subcommand(with_options(serve, Mode::Serve))
        .subcommand(with_options(echo, Mode::Echo))
        .subcommand(with_options(check, Mode::Serve))
        .subcommand(with_options(health, Mode::Serve))
        .subcommand(markdown::command())
        .subcommand(completions_command())
        .subcommand(replay::command())
        .subcommand(mint::command())
        .subcommand(accounts::command())
        .subcommand(blacklist_command::command())
        .subcommand(call::command())
        .subcommand(call::routes_command())
        .subcommand(referee::command())
        .subcommand(bench::command())
        .subcommand(top::command())
}

fn with_options(command: Command, mode: Mode) -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("Read options from this TOML file");
    command
        .display_name("sysconn")
        .after_help(AFTER_HELP)
        .arg(config)
        .args(entries().filter(|entry| entry.applies_to(mode)).map(|entry| argument(entry, mode)))
}

fn argument(entry: &'static Entry, mode: Mode) -> Arg {
    let argument = Arg::new(entry.name)
        .long(entry.name)
        .value_name(entry.value_type.placeholder())
        // Values from all sources are checked in one place.
        .value_parser(OsStringValueParser::new())
        .allow_negative_numbers(true)
        .action(if entry.value_type.is_repeatable() { ArgAction::Append } else { ArgAction::Set })
        .help(help(entry, mode));
    match entry.value_type.toml_type() {
        TomlType::Switch => argument.num_args(0..=1).require_equals(true).default_missing_value("true"),
        TomlType::Text | TomlType::Number => argument,
    }
}

fn help(entry: &Entry, mode: Mode) -> String {
    let default = match (mode, entry.echo) {
        (Mode::Echo, InEcho::NoEffect) => return "Accepted, without effect: echo has no packets".to_owned(),
        (Mode::Echo, InEcho::Default(default)) => default,
        _ => entry.default,
    };
    let repeatable = if entry.value_type.is_repeatable() { " (repeatable)" } else { "" };
    let default = if default.is_empty() { String::new() } else { format!(" [default: {default}]") };
    format!("{}{repeatable}{default}", entry.help)
}

/// Turns an error of clap, which has several lines, into one line. `commands` are those that can stand in the
/// place of an unknown or missing one.
fn exit(error: &clap::Error, commands: &str) -> Exit {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let line = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return Exit::Help(error.to_string()),
        ErrorKind::UnknownArgument => unknown(text(ContextKind::InvalidArg)),
        ErrorKind::InvalidSubcommand => {
            let given = escape::quoted(text(ContextKind::InvalidSubcommand));
            format!("unknown command {given}: expected {commands} (see --help)")
        }
        ErrorKind::MissingRequiredArgument => missing(error),
        ErrorKind::MissingSubcommand => format!("expected {commands}"),
        _ => {
            let message = error.to_string();
            let first = first_line(&message, text(ContextKind::InvalidValue));
            let first = escape::long(first.strip_prefix("error: ").unwrap_or(first));
            format!("{first}{}", further_lines(error))
        }
    };
    Exit::Error(format!("sysconn: {line}"))
}

/// The first line of a message in which this value stands, which may have several itself.
fn first_line<'a>(message: &'a str, value: &str) -> &'a str {
    let value_end = message.find(value).map_or(0, |at| at + value.len());
    let rest = message.get(value_end..).and_then(|rest| rest.find('\n'));
    rest.and_then(|at| message.get(..value_end + at)).unwrap_or(message)
}

/// What clap says in further lines, where its first is not enough: the other arguments of a conflict, and
/// the values that there are.
fn further_lines(error: &clap::Error) -> String {
    let list = |kind| match error.get(kind) {
        Some(ContextValue::Strings(names)) if !names.is_empty() => Some(any_of(names)),
        _ => None,
    };
    let others = list(ContextKind::PriorArg).map(|others| format!(" {others}"));
    let values = list(ContextKind::ValidValue).map(|values| format!(": expected {values}"));
    others.or(values).unwrap_or_default()
}

/// `a, b or c`.
fn any_of(names: &[String]) -> String {
    match names {
        [before @ .., last] if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        names => names.concat(),
    }
}

/// Names the arguments that are missing, as the help shows them.
fn missing(error: &clap::Error) -> String {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(names)) if *names != ["<FILE>"] => {
            format!("expected {}", names.join(" and "))
        }
        // Only `replay` takes a file without a flag.
        _ => "replay: expected the FILE of a recording".to_owned(),
    }
}

fn unknown(argument: &str) -> String {
    let given = escape::quoted(argument);
    let Some(name) = argument.strip_prefix("--") else {
        return format!("unknown argument {given}");
    };
    if entries().any(|entry| entry.name == name) {
        return format!("{given} is for serve, not for this command");
    }
    let meant = nearest(name, entries().map(|entry| entry.name.to_owned()));
    format!("unknown argument {given}{}", did_you_mean(meant.map(|name| format!("--{name}"))))
}
