//! Tables of medians, and of medians of ratios within a round.

use crate::client::Sample;
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
        }
    }
}

/// The results of one server in all rounds of a load.
pub struct Row {
    pub name: String,
    pub rounds: Vec<Figures>,
    pub resident_bytes: u64,
}

const HEADINGS: [&str; 15] = [
    "server",
    "msg/s",
    "/bare",
    "quartiles",
    "CPU ns/msg",
    "/bare",
    "quartiles",
    "p50 µs",
    "/bare",
    "p99 µs",
    "/bare",
    "p99.9 µs",
    "CPU server+load",
    "waited",
    "RSS MiB",
];

/// The table of a load; all rows are compared with the first.
pub fn table(rows: &[Row]) -> Vec<Vec<String>> {
    let mut table = vec![HEADINGS.map(String::from).to_vec()];
    for row in rows {
        let median = |figure: fn(&Figures) -> f64| Quartiles::of(row.rounds.iter().map(figure)).median;
        let ratio = |figure: fn(&Figures) -> f64| {
            let pairs = row.rounds.iter().zip(&rows[0].rounds);
            Quartiles::of(pairs.map(|(own, base)| figure(own) / figure(base)))
        };
        let (rate, cpu) = (ratio(|f| f.rate), ratio(|f| f.cpu));
        let (p50, p99) = (ratio(|f| f.p50), ratio(|f| f.p99));
        let percent = |share: f64| format!("{:.0}%", 100.0 * share);
        let quartiles = |ratio: Quartiles| format!("{:.2}–{:.2}", ratio.low, ratio.high);
        let micros = |nanoseconds: f64| format!("{:.1}", nanoseconds / 1000.0);
        table.push(vec![
            row.name.clone(),
            format!("{:.0}", median(|f| f.rate)),
            format!("{:.3}", rate.median),
            quartiles(rate),
            format!("{:.0}", median(|f| f.cpu)),
            format!("{:.3}", cpu.median),
            quartiles(cpu),
            micros(median(|f| f.p50)),
            format!("{:.3}", p50.median),
            micros(median(|f| f.p99)),
            format!("{:.3}", p99.median),
            micros(median(|f| f.p999)),
            format!("{}+{}", percent(median(|f| f.server_share)), percent(median(|f| f.load_share))),
            percent(median(|f| f.waited_share)),
            format!("{:.1}", row.resident_bytes as f64 / f64::from(1 << 20)),
        ]);
    }
    table
}

/// Bytes for each idle connection, and how they compare with the first row's.
pub fn memory_table(rows: &[(String, Vec<f64>)]) -> Vec<Vec<String>> {
    let mut table =
        vec![["server", "bytes/connection", "lowest", "highest", "- bare"].map(String::from).to_vec()];
    let median = |figures: &[f64]| Quartiles::of(figures.iter().copied()).median;
    for (name, figures) in rows {
        let (lowest, highest) =
            figures.iter().fold((f64::MAX, f64::MIN), |(low, high), &f| (low.min(f), high.max(f)));
        let beyond = median(figures) - rows.first().map_or(0.0, |(_, base)| median(base));
        let cells = [median(figures), lowest, highest, beyond].map(|figure| format!("{figure:.0}"));
        table.push([vec![name.clone()], cells.to_vec()].concat());
    }
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
