//! Tables of medians, and of medians of ratios within a round.

use crate::client::{Idle, Sample};
use crate::statistics::Quartiles;

/// The figures of one slice. NaN: does not apply.
#[derive(Clone, Copy)]
pub struct Figures {
    /// Messages per second.
    pub rate: f64,
    /// Nanoseconds of the server's CPU for each message.
    pub cpu: f64,
    /// Nanoseconds.
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    /// The use of one core, by server and load.
    pub server_share: f64,
    pub load_share: f64,
    /// The share of time in which other processes had a core that server or load needed.
    pub waited_share: f64,
    /// Bytes of replies for each message.
    pub reply_bytes: f64,
}

impl Figures {
    pub const NONE: Figures = Figures {
        rate: f64::NAN,
        cpu: f64::NAN,
        p50: f64::NAN,
        p99: f64::NAN,
        p999: f64::NAN,
        server_share: f64::NAN,
        load_share: f64::NAN,
        waited_share: f64::NAN,
        reply_bytes: f64::NAN,
    };
}

impl From<&Sample> for Figures {
    fn from(sample: &Sample) -> Figures {
        let messages = sample.messages as f64;
        let elapsed = sample.elapsed.as_secs_f64();
        Figures {
            rate: messages / elapsed,
            cpu: sample.server_cpu.as_secs_f64() * 1e9 / messages,
            p50: sample.latency.quantile(0.5),
            p99: sample.latency.quantile(0.99),
            p999: sample.latency.quantile(0.999),
            server_share: sample.server_cpu.as_secs_f64() / elapsed,
            load_share: sample.load_cpu.as_secs_f64() / elapsed,
            waited_share: sample.waited.as_secs_f64() / elapsed,
            reply_bytes: if sample.reply_bytes > 0 { sample.reply_bytes as f64 / messages } else { f64::NAN },
        }
    }
}

/// The results of one server in all rounds of a load.
pub struct Row {
    pub name: String,
    pub rounds: Vec<Figures>,
    pub resident_bytes: f64,
}

impl Row {
    /// How a figure compares with that of another server in the same round.
    fn ratio(&self, base: &Row, figure: fn(&Figures) -> f64) -> Quartiles {
        let pairs = self.rounds.iter().zip(&base.rounds);
        Quartiles::of(pairs.map(|(own, base)| figure(own) / figure(base)))
    }
}

/// The table of a load. All rows are compared with the first, and with the row of the reference.
pub fn table(rows: &[Row], reference: Option<&str>) -> Vec<Vec<String>> {
    let Some(first) = rows.first() else { return vec![] };
    let reference = rows.iter().find(|row| Some(&*row.name) == reference).unwrap_or(first);
    let (to_first, to_reference) = (format!("/{}", short(first)), format!("/{}", short(reference)));
    let headings = [
        "server",
        "msg/s",
        &to_first,
        "quartiles",
        "CPU ns/msg",
        &to_first,
        "quartiles",
        &to_reference,
        "p50 µs",
        &to_reference,
        "p99 µs",
        &to_reference,
        "p99.9 µs",
        &to_reference,
        "CPU server+load",
        "waited",
        "RSS MiB",
        "bytes/msg",
    ];
    let mut table = vec![headings.map(String::from).to_vec()];
    for row in rows {
        let median = |figure: fn(&Figures) -> f64| Quartiles::of(row.rounds.iter().map(figure)).median;
        let (rate, cpu) = (row.ratio(first, |f| f.rate), row.ratio(first, |f| f.cpu));
        let to_reference = |figure: fn(&Figures) -> f64| number(row.ratio(reference, figure).median, 3);
        let percent = |share: f64| number(100.0 * share, 0) + "%";
        let micros = |nanoseconds: f64| number(nanoseconds / 1000.0, 1);
        table.push(vec![
            row.name.clone(),
            number(median(|f| f.rate), 0),
            number(rate.median, 3),
            quartiles(rate),
            number(median(|f| f.cpu), 0),
            number(cpu.median, 3),
            quartiles(cpu),
            to_reference(|f| f.cpu),
            micros(median(|f| f.p50)),
            to_reference(|f| f.p50),
            micros(median(|f| f.p99)),
            to_reference(|f| f.p99),
            micros(median(|f| f.p999)),
            to_reference(|f| f.p999),
            format!("{}+{}", percent(median(|f| f.server_share)), percent(median(|f| f.load_share))),
            percent(median(|f| f.waited_share)),
            number(row.resident_bytes / f64::from(1 << 20), 1),
            number(median(|f| f.reply_bytes), 1),
        ]);
    }
    table
}

/// The name of a row as a part of a heading.
fn short(row: &Row) -> &str {
    row.name.split([',', ':']).next().unwrap_or_default()
}

fn quartiles(ratio: Quartiles) -> String {
    format!("{}–{}", number(ratio.low, 2), number(ratio.high, 2))
}

/// A dash where a figure does not apply.
fn number(figure: f64, digits: usize) -> String {
    if figure.is_finite() { format!("{figure:.digits$}") } else { "–".to_owned() }
}

/// What each client that comes costs, and its memory, compared with the first row's.
pub fn memory_table(rows: &[(String, Vec<Idle>)]) -> Vec<Vec<String>> {
    let headings = [
        "server",
        "bytes/connection",
        "lowest",
        "highest",
        "- first",
        "CPU ns each",
        "/first",
        "clients/s",
        "/first",
    ];
    let mut table = vec![headings.map(String::from).to_vec()];
    let of = |figures: &[Idle], figure: fn(&Idle) -> f64| Quartiles::of(figures.iter().map(figure)).median;
    let Some((_, first)) = rows.first() else { return vec![] };
    for (name, figures) in rows {
        let (lowest, highest) =
            figures.iter().fold((f64::MAX, f64::MIN), |(low, high), f| (low.min(f.bytes), high.max(f.bytes)));
        let median = |figure| (of(figures, figure), of(figures, figure) / of(first, figure));
        let bytes = of(figures, |f| f.bytes);
        let ((cpu, to_cpu), (rate, to_rate)) = (median(|f| f.cpu), median(|f| f.rate));
        table.push(vec![
            name.clone(),
            number(bytes, 0),
            number(lowest, 0),
            number(highest, 0),
            number(bytes - of(first, |f| f.bytes), 0),
            number(cpu, 0),
            number(to_cpu, 3),
            number(rate, 0),
            number(to_rate, 3),
        ]);
    }
    table
}

/// Instructions for each message, compared with the first row's.
pub fn instructions_table(rows: &[(String, f64)]) -> Vec<Vec<String>> {
    let mut table = vec![["server", "instructions/msg", "- first"].map(String::from).to_vec()];
    let first = rows.first().map_or(f64::NAN, |(_, count)| *count);
    let row = |(name, count): &(String, f64)| vec![name.clone(), number(*count, 1), number(count - first, 1)];
    table.extend(rows.iter().map(row));
    table
}

/// Prints a table, with columns that are as wide as they must be.
pub fn print(table: &[Vec<String>], markdown: bool) {
    let columns = table.first().map_or(0, Vec::len);
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (index, row) in table.iter().enumerate() {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        let cells: Vec<String> = cells.collect();
        if markdown {
            println!("| {} |", cells.join(" | "));
            if index == 0 {
                let rules = widths.iter().enumerate().map(|(column, &width)| match column {
                    0 => "-".repeat(width),
                    _ => format!("{}:", "-".repeat(width.max(2) - 1)),
                });
                println!("| {} |", rules.collect::<Vec<_>>().join(" | "));
            }
        } else {
            println!("{}", cells.join("  "));
        }
    }
}
