//! The last 15 minutes, a number for each second, put together from what `/api/history` answers.

use std::collections::{BTreeMap, VecDeque};

use super::answers::answers;
use super::shown::Shown;

/// The seconds that are kept, and the most that the server has.
pub(super) const SECONDS: usize = 900;
/// The most lines that are kept: a server has a few for each graph.
const MAX_LINES: usize = 256;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Graph {
    /// Clients, by state.
    Clients,
    /// Packets in a second: received, sent.
    Packets,
    /// Milliseconds from a request to its reply: p50, p99, p999.
    RequestMs,
    /// Closes in a second, by cause.
    Closed,
    /// The longest turn of a second, in milliseconds.
    TurnMs,
    /// Cores in use.
    Cpu,
}

/// A number for each second, the oldest first; `None` where nothing was measured.
pub(super) type Line = VecDeque<Option<f64>>;

/// The lines of all graphs.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// The last second, since 1970; 0: there is nothing yet.
    end_s: u64,
    lines: BTreeMap<(Graph, Shown), Line>,
}

type Numbers = Vec<Option<f64>>;

answers! {
    /// An answer of `/api/history`.
    pub(super) struct Part {
        end_s: u64,
        clients: BTreeMap<Shown, Numbers>,
        packets_received: Numbers,
        packets_sent: Numbers,
        closed: BTreeMap<Shown, Numbers>,
        turn_max_ms: Numbers,
        cpu: Numbers,
        request_ms: Latencies,
        by_command: BTreeMap<String, Latencies>,
    }

    struct Latencies {
        p50: Numbers,
        p99: Numbers,
        p999: Numbers,
    }
}

impl Part {
    /// Its lines. The latencies are those of one command if the answer has some, or else of all commands.
    fn lines(self) -> impl Iterator<Item = ((Graph, Shown), Numbers)> {
        let Latencies { p50, p99, p999 } = self.by_command.into_values().next().unwrap_or(self.request_ms);
        let named = |graph, lines: BTreeMap<Shown, Numbers>| {
            lines.into_iter().map(move |(name, numbers)| ((graph, name), numbers))
        };
        let fixed = [
            (Graph::Packets, "received", self.packets_received),
            (Graph::Packets, "sent", self.packets_sent),
            (Graph::RequestMs, "p50", p50),
            (Graph::RequestMs, "p99", p99),
            (Graph::RequestMs, "p99.9", p999),
            (Graph::TurnMs, "longest", self.turn_max_ms),
            (Graph::Cpu, "cores", self.cpu),
        ];
        let fixed = fixed.map(|(graph, name, numbers)| ((graph, Shown::new(name)), numbers));
        named(Graph::Clients, self.clients).chain(named(Graph::Closed, self.closed)).chain(fixed)
    }
}

impl History {
    /// The seconds to ask for at a time, so that none is missing.
    pub(super) fn missing(&self, now_ms: u64) -> usize {
        let since = usize::try_from((now_ms / 1000).saturating_sub(self.end_s)).unwrap_or(SECONDS);
        // Some more, for a server whose clock is not quite this one's.
        since.saturating_add(5).min(SECONDS)
    }

    /// Appends what is new.
    pub(super) fn append(&mut self, part: Part) {
        let end_s = part.end_s;
        if end_s < self.end_s {
            // Another server, or another clock: all of the past is asked for next time.
            *self = History::default();
            return;
        }
        let new = usize::try_from(end_s - self.end_s).unwrap_or(SECONDS).min(SECONDS);
        self.end_s = end_s;
        let mut parts: BTreeMap<_, _> = part.lines().collect();
        for key in parts.keys() {
            if self.lines.len() >= MAX_LINES {
                break;
            }
            self.lines.entry(key.clone()).or_insert_with(|| VecDeque::from([None; SECONDS]));
        }
        for (key, line) in &mut self.lines {
            let numbers = parts.remove(key).unwrap_or_default();
            let absent = new.saturating_sub(numbers.len());
            let known = numbers.get(numbers.len().saturating_sub(new)..).unwrap_or_default();
            line.extend(std::iter::repeat_n(None, absent).chain(known.iter().copied()));
            line.drain(..line.len().saturating_sub(SECONDS));
        }
    }

    /// The lines of a graph with their names.
    pub(super) fn of(&self, graph: Graph) -> impl Iterator<Item = (&Shown, &Line)> {
        let lines = self.lines.iter().filter(move |((of, _), _)| *of == graph);
        lines.map(|((_, name), line)| (name, line))
    }

    /// The sum of a graph's lines.
    pub(super) fn sum(&self, graph: Graph) -> Line {
        let mut sum = Line::from([None; SECONDS]);
        for (_, line) in self.of(graph) {
            for (sum, number) in sum.iter_mut().zip(line) {
                *sum = match (*sum, *number) {
                    (Some(one), Some(other)) => Some(one + other),
                    (one, other) => one.or(other),
                };
            }
        }
        sum
    }
}

/// A line in that many columns: each shows the largest number of its seconds.
pub(super) fn columns(line: &Line, columns: usize) -> Vec<Option<f64>> {
    let columns = columns.max(1);
    let seconds = line.len().div_ceil(columns).max(1);
    // From the end, so that the last column is a whole one.
    let reversed: Vec<_> = line.iter().rev().copied().collect();
    let largest = |part: &[Option<f64>]| part.iter().flatten().copied().reduce(f64::max);
    let mut columns: Vec<_> = reversed.chunks(seconds).map(largest).collect();
    columns.reverse();
    columns
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn part(end_s: u64, sent: &[u64]) -> Part {
        let json = json!({ "end_s": end_s, "packets_sent": sent });
        serde_json::from_value(json).unwrap()
    }

    fn sent(history: &History) -> Vec<f64> {
        let (_, line) = history.of(Graph::Packets).find(|(name, _)| name.as_str() == "sent").unwrap();
        assert_eq!(line.len(), SECONDS);
        line.iter().flatten().copied().collect()
    }

    #[test]
    fn seconds_are_appended_once() {
        let mut history = History::default();
        assert_eq!(history.missing(1_800_000_000_000), SECONDS);
        history.append(part(1_800_000_000, &[1, 2, 3]));
        assert_eq!(sent(&history), [1.0, 2.0, 3.0]);
        // Two seconds later, in an answer of three.
        history.append(part(1_800_000_002, &[3, 4, 5]));
        assert_eq!(sent(&history), [1.0, 2.0, 3.0, 4.0, 5.0]);
        history.append(part(1_800_000_002, &[3, 4, 5]));
        assert_eq!(sent(&history), [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(history.missing(1_800_000_004_500), 7);
        // A second that the answer does not have stays empty.
        history.append(part(1_800_000_004, &[7]));
        assert_eq!(sent(&history), [1.0, 2.0, 3.0, 4.0, 5.0, 7.0]);
        // A clock that was set back.
        history.append(part(1_700_000_000, &[9]));
        assert_eq!(history.missing(1_700_000_000_000), SECONDS);
        history.append(part(1_700_000_000, &[8, 9]));
        assert_eq!(sent(&history), [8.0, 9.0]);
        for _ in 0..3 {
            history.append(part(1_800_000_000, &vec![1; 2 * SECONDS]));
        }
        assert_eq!(sent(&history).len(), SECONDS);
    }

    #[test]
    fn causes_that_appear_later_have_no_past() {
        let mut history = History::default();
        let part =
            |end_s: u64, closed| serde_json::from_value(json!({ "end_s": end_s, "closed": closed })).unwrap();
        history.append(part(1_800_000_000, json!({ "idle": [1, 2] })));
        history.append(part(1_800_000_001, json!({ "idle": [2, null], "reset": [0, 4] })));
        let sum: Vec<_> = history.sum(Graph::Closed).into_iter().skip(SECONDS - 3).collect();
        assert_eq!(sum, [Some(1.0), Some(2.0), Some(4.0)]);
    }

    #[test]
    fn a_server_with_endless_names_needs_no_memory() {
        let mut history = History::default();
        for second in 0..3 {
            let end_s = 1_800_000_000_u64 + second;
            let names = (0..1000).map(|name| (format!("{second} {name}"), json!([1])));
            let closed: serde_json::Map<_, _> = names.collect();
            let json = json!({ "end_s": end_s, "closed": closed });
            history.append(serde_json::from_value(json).unwrap());
            assert_eq!(history.lines.len(), MAX_LINES);
        }
    }

    #[test]
    fn a_column_shows_the_largest_of_its_seconds() {
        let line: Line = [Some(1.0), Some(5.0), None, Some(2.0), None, None, Some(3.0)].into();
        assert_eq!(columns(&line, 7), Vec::from(line.clone()));
        assert_eq!(columns(&line, 100), Vec::from(line.clone()));
        assert_eq!(columns(&line, 4), [Some(1.0), Some(5.0), Some(2.0), Some(3.0)]);
        assert_eq!(columns(&line, 1), [Some(5.0)]);
        assert_eq!(columns(&line, 0), [Some(5.0)]);
        assert_eq!(columns(&Line::new(), 3), []);
    }
}
