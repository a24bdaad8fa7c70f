//! `sysconn referee`: a server that judges clients, case by case.
//!
//! A driver, which wraps the client under test, opens a control connection. There the referee tells it what
//! the client shall do, and hears what has become of it; the client itself connects to the URL of the case.
//! docs/referee.md describes both.

mod accept;
mod cases;
mod control;
mod deadline;
mod deflate;
mod message;
mod peer;
mod report;
mod socket;
mod stage;

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use crate::options::RefereeTask;
use crate::output::print;
use crate::signals;
use accept::{Arrivals, accept};
use cases::{Case, cases};
use control::Control;
use deadline::Deadline;
use message::Event;
use report::{Row, Verdict};
use stage::Stage;

/// The longest wait for the first message of a driver.
const HELLO: Duration = Duration::from_secs(10);

/// Judges one client. False: a case failed, or none was tried.
///
/// # Errors
/// One line that says why the referee cannot begin, or cannot print.
pub(crate) fn referee(task: &RefereeTask) -> Result<bool, String> {
    signals::unblock()?;
    let chosen: Vec<Case> = cases().into_iter().filter(|case| is_chosen(case, &task.cases)).collect();
    if chosen.is_empty() {
        return Err("referee: expected the number or the name of a case, or its beginning".to_owned());
    }
    if task.list {
        return report::list(&chosen).map(|()| true);
    }
    let failed = |error: io::Error| format!("--listen: {}: {error}", task.listen);
    let listener = TcpListener::bind(task.listen).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    print(&format!("listening on {address}\n"))?;
    let (name, rows) = judge(&mut accept(listener), &chosen, task)?;
    if task.json {
        report::json(&name, &rows)?;
    } else {
        report::table(&name, &rows)?;
    }
    let tried = rows.iter().any(|row| row.verdict != Verdict::Skipped);
    Ok(tried && rows.iter().all(|row| !matches!(row.verdict, Verdict::Failed(_))))
}

fn is_chosen(case: &Case, patterns: &[String]) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| case.is(pattern))
}

/// Waits for a driver, and tries each case. Returns the driver's name.
fn judge(arrivals: &mut Arrivals, chosen: &[Case], task: &RefereeTask) -> Result<(String, Vec<Row>), String> {
    let driver = arrivals.driver().ok_or("referee: the listener failed")?;
    let mut control = Control::new(driver)?;
    let Event::Hello { name, skip } = control.event(Deadline::after(HELLO))? else {
        return Err("referee: expected {\"event\":\"hello\"} from the driver first".to_owned());
    };
    let (mut rows, mut can_go_on) = (Vec::new(), Ok(()));
    for case in chosen {
        let verdict = if skip.iter().any(|pattern| case.is(pattern)) {
            Verdict::Skipped
        } else if let Err(why) = &can_go_on {
            Verdict::Failed(format!("not tried: {why}"))
        } else {
            let stage = Stage::new(&mut control, arrivals, &case.number, task.patience);
            let verdict;
            (verdict, can_go_on) = stage.run(&case.run);
            verdict.map_or_else(Verdict::Failed, |()| Verdict::Passed)
        };
        let row = Row { number: case.number.clone(), name: case.name.clone(), verdict };
        if !task.json {
            report::progress(&row);
        }
        rows.push(row);
    }
    control.finish();
    Ok((name, rows))
}
