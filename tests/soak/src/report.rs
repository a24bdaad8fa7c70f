//! The table, and the verdicts.

use std::process::ExitStatus;
use std::time::Duration;

use crate::client::Counts;
use crate::kinds::KINDS;
use crate::population::Population;
use crate::server::{Holds, Stats};

/// The allowed growth of memory between the end of the first stage after the warm-up and that of the last.
/// Buffers that all connections share may reach their size late: the write buffer by 320 KiB (what is
/// gathered, and the last replies), three that inflate and encode by 64 KiB each. The allocator's heap
/// changes by 60 KiB. 100 bytes of each of 10,000 connections, which have 112 as the allocator rounds them,
/// are 1,094 KiB.
const MAX_GROWTH_KIB: u64 = 768;
/// The number of connections of the warm-up: before that, memory depends on which large messages were handled
/// at the same time.
const WARM_UP: u64 = 10_000;
/// The lines that the log may have in each second, and at the beginning: hostile clients must not fill it.
const LOG_BYTES_PER_SECOND: f64 = 2048.0;
const LOG_BYTES: f64 = 65_536.0;

/// A part of the run, and the resources after it.
pub struct Stage {
    pub took: Duration,
    pub holds: Holds,
    pub stats: Stats,
    pub counts: Counts,
}

/// All results. Verdicts are added as they are reached, and printed at the end.
pub struct Report {
    before: Holds,
    stages: Vec<Stage>,
    cases: Vec<(bool, String)>,
}

impl Report {
    pub fn begin(before: Holds) -> Self {
        println!(
            "{:>10}{:>9}{:>12}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}{:>8}",
            "cycles", "per s", "owed", "came", "void", "pushes", "RSS KiB", "PSS KiB", "anon KiB", "fds"
        );
        row(&Counts::default(), 0.0, before);
        Report { before, stages: vec![], cases: vec![] }
    }

    fn case(&mut self, passed: bool, what: String) {
        self.cases.push((passed, what));
    }

    /// Notes the end of a stage, when only the permanent clients are left.
    pub fn add(&mut self, stage: Stage, population: &Population) {
        let cycles_before = self.stages.last().map_or(0, |stage| stage.counts.begun);
        let cycles = (stage.counts.begun - cycles_before) as f64;
        row(&stage.counts, cycles / stage.took.as_secs_f64(), stage.holds);
        let number = self.stages.len() + 1;
        let Stage { stats, counts, holds, .. } = &stage;
        let left = 1 + population.members();
        let of_server = (stats.connections, stats.accepted, stats.closed);
        let of_ours = (left as u64, counts.begun + 1, counts.begun + 1 - left as u64);
        self.case(
            of_server == of_ours,
            format!("stage {number}: connections, accepted and closed are {of_ours:?}: {of_server:?}"),
        );
        let descriptors = self.before.descriptors + population.members();
        self.case(
            holds.descriptors == descriptors,
            format!("stage {number}: {descriptors} descriptors: {}", holds.descriptors),
        );
        self.case(
            counts.owed == counts.came + counts.void,
            format!(
                "stage {number}: {} replies owed, {} came, {} void",
                counts.owed, counts.came, counts.void
            ),
        );
        self.stages.push(stage);
    }

    /// All members have received all messages, in the same order.
    pub fn note_heard(&mut self, population: &Population) {
        let heard = population.heard();
        let same = heard.windows(2).all(|two| two[0] == two[1]);
        let all = !heard.is_empty() && heard.iter().all(|heard| heard.texts == population.said);
        let texts: Vec<_> = heard.iter().map(|heard| heard.texts).collect();
        self.case(
            same && all,
            format!("each member has heard the {} texts, in one order: {texts:?}", population.said),
        );
    }

    /// Notes the resources after all clients have left.
    pub fn end(&mut self, holds: Holds, stats: Stats, population: &Population, log_bytes: u64) {
        row(&population.counts, 0.0, holds);
        println!("\n{:32}{:>10}", "kind", "clients");
        for (kind, clients) in KINDS.iter().zip(population.by_kind) {
            println!("{:32}{clients:>10}", kind.name);
        }
        println!("\n{:?}\n{stats:?}\nlog: {log_bytes} bytes", population.counts);
        let (before, after) = (self.before.descriptors, holds.descriptors);
        self.case(before == after, format!("{before} descriptors at the start, {after} at the end"));
        self.case(
            population.counts.owed == population.counts.came + population.counts.void,
            format!("every reply is accounted for: {:?}", population.counts),
        );
        // Random bytes can be bad requests too.
        self.case(
            stats.bad_requests >= population.bad_requests,
            format!("{} bad requests made, {} counted", population.bad_requests, stats.bad_requests),
        );
        self.case(stats.send_errors == 0, format!("{} packets could not be sent", stats.send_errors));
        let seconds: f64 = self.stages.iter().map(|stage| stage.took.as_secs_f64()).sum();
        let limit = LOG_BYTES + LOG_BYTES_PER_SECOND * seconds;
        self.case(log_bytes as f64 <= limit, format!("{log_bytes} bytes of log, at most {limit:.0}"));
        let warm = self.stages.iter().find(|stage| stage.counts.begun >= WARM_UP);
        if let (Some(warm), Some(last)) = (warm.or(self.stages.first()), self.stages.last()) {
            // The system may evict and reload pages of the program's file.
            let (before, after) = (warm.holds.anonymous_kib, last.holds.anonymous_kib);
            let begun = [warm, last].map(|stage| stage.counts.begun);
            self.case(
                after <= before + MAX_GROWTH_KIB,
                format!(
                    "anonymous memory was {before} KiB after {} connections, and {after} KiB after {}",
                    begun[0], begun[1]
                ),
            );
        }
        let (told, count) = &population.failures;
        self.case(*count == 0, format!("{count} clients failed, {told:#?}"));
    }

    pub fn note_exit(&mut self, (status, printed): (ExitStatus, String)) {
        self.case(status.success() && printed.is_empty(), format!("on SIGTERM: {status}, {printed:?}"));
    }

    /// Prints the verdicts. True if all passed.
    pub fn print_verdict(&self) -> bool {
        for (passed, what) in &self.cases {
            println!("{}: {what}", if *passed { "passed" } else { "FAILED" });
        }
        let passed = self.cases.iter().filter(|(passed, _)| *passed).count();
        let failed = self.cases.len() - passed;
        let verdict = if failed == 0 { "ok" } else { "FAILED" };
        println!("test result: {verdict}. {passed} passed; {failed} failed");
        failed == 0
    }
}

fn row(counts: &Counts, rate: f64, holds: Holds) {
    println!(
        "{:>10}{rate:>9.0}{:>12}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}{:>8}",
        counts.begun,
        counts.owed,
        counts.came,
        counts.void,
        counts.pushes,
        holds.rss_kib,
        holds.pss_kib,
        holds.anonymous_kib,
        holds.descriptors
    );
}
