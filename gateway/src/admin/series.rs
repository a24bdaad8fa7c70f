//! The history of the busiest commands, each with as many points as the history of all.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};
use sysconn::metrics::Snapshot;

use super::history::{SECONDS, Wanted, numbers, times};
use super::watchdog::name_of;

/// Commands with a history.
const MAX_COMMANDS: usize = 32;
/// What is left of a command's weight a second later: half of it after a minute.
const LEFT: f64 = 0.988_514;
/// How much busier than the least busy one a command has to be to take its place.
const BUSIER: f64 = 2.0;

/// The histories, and how busy every command is.
#[derive(Clone, Default)]
pub(super) struct Series {
    commands: Vec<Command>,
    /// By the index of the route: packets, of which the older ones count less.
    weights: Vec<f64>,
    /// The points that each command has.
    len: usize,
}

#[derive(Clone)]
struct Command {
    /// The index of its route.
    route: usize,
    cmd: u16,
    points: VecDeque<Point>,
}

#[derive(Clone, Copy)]
struct Point {
    count: f32,
    /// p50, p99, p999 in milliseconds.
    request_ms: [f32; 3],
}

const GAP: Point = Point { count: f32::NAN, request_ms: [f32::NAN; 3] };

impl Series {
    /// A second in which nothing was measured.
    pub(super) fn gap(&mut self) {
        self.commands.iter_mut().for_each(|command| push(&mut command.points, GAP));
        self.len = (self.len + 1).min(SECONDS);
    }

    /// Takes a point of each command.
    pub(super) fn take(&mut self, now: &Snapshot, before: &Snapshot, seconds: usize) {
        self.weights.resize(now.routes.len(), 0.0);
        let counts: Vec<u64> = now
            .routes
            .iter()
            .zip(&before.routes)
            .map(|(now, before)| now.received.saturating_sub(before.received))
            .collect();
        for (weight, count) in self.weights.iter_mut().zip(&counts) {
            *weight = *weight * LEFT + *count as f64;
        }
        for (index, route) in now.routes.iter().enumerate() {
            if let (Some(cmd), Some(1..)) = (route.cmd, counts.get(index)) {
                self.choose(index, cmd);
            }
        }
        for command in &mut self.commands {
            let routes = (now.routes.get(command.route), before.routes.get(command.route));
            let (Some(now), Some(before)) = routes else { continue };
            let asked = now.request_duration.since(&before.request_duration);
            let count = counts.get(command.route).copied().unwrap_or_default();
            let point = Point { count: count as f32 / seconds as f32, request_ms: times(&asked) };
            push(&mut command.points, point);
        }
        self.len = (self.len + 1).min(SECONDS);
    }

    /// Gives a command a history, if it is busy enough.
    fn choose(&mut self, route: usize, cmd: u16) {
        if self.commands.iter().any(|command| command.route == route) {
            return;
        }
        let weight = |route: usize| self.weights.get(route).copied().unwrap_or_default();
        if self.commands.len() >= MAX_COMMANDS {
            let quietest = self
                .commands
                .iter()
                .enumerate()
                .min_by(|(_, one), (_, other)| weight(one.route).total_cmp(&weight(other.route)));
            let Some((index, quietest)) = quietest else { return };
            if weight(route) <= BUSIER * weight(quietest.route) {
                return;
            }
            self.commands.swap_remove(index);
        }
        let mut points = VecDeque::with_capacity(SECONDS);
        points.resize(self.len, GAP);
        self.commands.push(Command { route, cmd, points });
    }

    /// The commands with a history, the busiest first.
    pub(super) fn names(&self) -> Value {
        let mut commands: Vec<_> = self.commands.iter().collect();
        let weight = |command: &Command| self.weights.get(command.route).copied().unwrap_or_default();
        commands.sort_by(|one, other| weight(other).total_cmp(&weight(one)));
        commands.iter().map(|command| json!({ "cmd": command.cmd, "name": name_of(command.cmd) })).collect()
    }

    /// The last points of commands, by their numbers.
    pub(super) fn show(&self, seconds: usize, wanted: &Wanted) -> Map<String, Value> {
        let is_wanted = |command: &&Command| match wanted {
            Wanted::All => true,
            Wanted::These(commands) => commands.contains(&command.cmd),
        };
        let shown = self.commands.iter().filter(is_wanted).map(|command| {
            let points = || command.points.iter().skip(command.points.len().saturating_sub(seconds));
            let column = |of: usize| numbers(points().map(move |point| point.request_ms[of]));
            let columns = json!({
                "count": numbers(points().map(|point| point.count)),
                "p50": column(0), "p99": column(1), "p999": column(2),
            });
            (command.cmd.to_string(), columns)
        });
        shown.collect()
    }
}

fn push(points: &mut VecDeque<Point>, point: Point) {
    if points.len() >= SECONDS {
        points.pop_front();
    }
    points.push_back(point);
}
