//! `sysconn bench`: puts a server under load, and measures it. The exit status says whether all that was sent
//! has come back.

mod admin;
mod clock;
mod codec;
mod connection;
mod deliveries;
mod engine;
mod figures;
mod handshake;
mod in_flight;
mod logins;
mod phases;
mod plan;
mod prepared;
mod process;
mod progress;
mod random;
mod report;
mod ring;
mod schedule;
mod shared;
mod spin;
mod template;
mod transport;
mod unread;
mod verdict;
mod wake;
mod wire;

use std::io::{self, Write as _};

use admin::{Admin, Counted};
use engine::Engine;
use logins::Logins;
use phases::{Measured, close, compare, drain, load, open};
use plan::Plan;
use report::{Report, csv, json, text};
use shared::Shared;

use crate::descriptors;
use crate::options::{BenchOutput, BenchTask};
use crate::output::print;
use crate::signals;
use crate::words::plural;

/// Descriptors for other uses than connections: files, the poll, the terminal, the admin address, `/proc`.
const RESERVED_DESCRIPTORS: u64 = 32;
/// Exit status: what was sent and what was received differ.
const DIFFERS: u8 = 1;
/// Exit status: no connection could be opened.
const UNREACHABLE: u8 = 3;

/// Puts a server under load, prints the figures, and returns the exit status.
///
/// # Errors
/// One line that says which argument cannot be used.
pub(crate) fn bench(task: &BenchTask) -> Result<u8, String> {
    signals::unblock()?;
    let (plan, template) = Plan::new(task)?;
    let logins = plan.logs_in.then(|| Logins::new(&task.login)).transpose()?;
    let (token_file, ca) = (task.token_file.as_deref(), task.ca.as_deref());
    let admin = task.admin.as_ref().map(|address| Admin::new(address, token_file, ca)).transpose()?;
    if let Some(pid) = task.pid.filter(|pid| process::usage(*pid).is_none()) {
        return Err(format!("--pid {pid}: there is no such process"));
    }
    check_descriptors(&plan)?;
    if let Some(admin) = &admin {
        admin.check(task.timeout).map_err(|error| format!("--admin: {error}"))?;
    }
    let shared = Shared::new(plan, template, logins)?;
    let failed = |error: io::Error| format!("bench: {error}");
    let mut engine = Engine::new(shared).map_err(failed)?;
    let Some(Ran { measured, counted }) = run(&mut engine, task.pid, admin.as_ref()).map_err(failed)? else {
        // It may be closed.
        let _ = writeln!(io::stderr(), "sysconn: {}", unreachable_line(&engine.shared));
        return Ok(UNREACHABLE);
    };
    let report = Report::new(&engine.shared, measured, task.pid, counted);
    let output = match task.output {
        BenchOutput::Text => text(&report),
        BenchOutput::Json => json(&report),
        BenchOutput::Csv => csv(&report),
    };
    print(&output)?;
    Ok(if report.differences().is_empty() { 0 } else { DIFFERS })
}

/// Whether so many connections can be open at once.
fn check_descriptors(plan: &Plan) -> Result<(), String> {
    let Some(limit) = descriptors::raise() else { return Ok(()) };
    let asked = plan.connections.saturating_add(plan.idle);
    let allowed = usize::try_from(limit.saturating_sub(RESERVED_DESCRIPTORS)).unwrap_or(usize::MAX);
    if asked <= allowed {
        return Ok(());
    }
    let asked = plural(asked, "connection", "connections");
    Err(format!("{asked}: the descriptor limit of {limit} (ulimit -n) allows {allowed}"))
}

/// What a run leaves beside the figures.
struct Ran {
    measured: Measured,
    /// What the server has counted, or why it does not say; `None` without `--admin`.
    counted: Option<Result<Counted, String>>,
}

/// All phases. `None`: no connection could be opened.
fn run(engine: &mut Engine, pid: Option<u32>, admin: Option<&Admin>) -> io::Result<Option<Ran>> {
    if !open(engine)? {
        close(engine)?;
        return Ok(None);
    }
    let measured = load(engine, pid)?;
    drain(engine)?;
    // The server forgets a connection's figures when it ends.
    let counted = admin.map(|admin| compare(engine, admin)).transpose()?;
    close(engine)?;
    Ok(Some(Ran { measured, counted }))
}

fn unreachable_line(shared: &Shared) -> String {
    let figures = &shared.figures;
    let reasons: Vec<_> = figures.failed.keys().chain(figures.lost.keys()).map(String::as_str).collect();
    let reasons = if reasons.is_empty() { "interrupted".to_owned() } else { reasons.join("; ") };
    format!("{}: no connection: {reasons}", shared.plan.url.shown())
}
