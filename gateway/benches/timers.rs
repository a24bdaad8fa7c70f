//! What idle connections cost those who are busy: the longest turn that only expires timers, how often the
//! reactor wakes up for nobody, and what a message of a busy client costs beside idle ones.
//!
//! The clients are in a process of their own. Times are CPU time, so that nobody else's work is in them.
//!
//! ```text
//! cargo bench --bench timers [-- ROUNDS [IDLE [SERVER]]]
//! ```
//!
//! SERVER is another build of the program, for the last of the three.

mod fleet;

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use fleet::{Fleet, Helper, Result, middle, packet, pin};
use rustix::time::{ClockId, clock_gettime};
use sysconn::config::{Listen, Timers};
use sysconn::{Application, Config, Reactor, Router};

const ROUNDS: usize = 13;
const IDLE: usize = 18_000;
const BUSY: usize = 100;
/// Messages of each busy client in one round.
const MESSAGES: usize = 100;
const DATA: &[u8; 64] = &[7; 64];
const REPLY_BYTES: usize = 2 + 11 + DATA.len();
const SERVER_CPU: usize = 0;
const CLIENT_CPU: usize = 1;

fn main() -> Result {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["clients", address, idle, busy] => clients(address.parse()?, idle.parse()?, busy.parse()?),
        _ => {
            let number = |index: usize, default| {
                arguments.get(index).map_or(Ok(default), |argument: &String| argument.parse())
            };
            let server = arguments.get(2).map_or(env!("CARGO_BIN_EXE_sysconn"), String::as_str);
            let (rounds, idle) = (number(0, ROUNDS)?, number(1, IDLE)?);
            neighbours(rounds, idle, server)?;
            pin(SERVER_CPU)?;
            stall(
                "housekeeping, spread",
                idle,
                |config| config.timers.housekeeping = Some(Duration::from_secs(5)),
                false,
            )?;
            stall(
                "housekeeping, all at once",
                idle,
                |config| config.timers.housekeeping = Some(PERIOD),
                true,
            )?;
            stall(
                "Pings, spread",
                idle,
                |config| config.timers.ping_interval = Some(Duration::from_secs(5)),
                false,
            )?;
            stall("Pings, all at once", idle, |config| config.timers.ping_interval = Some(PERIOD), true)?;
            stall(
                "the program's defaults",
                idle,
                |config| {
                    config.timers = Timers::default();
                    config.timers.client_check = Some(Duration::from_secs(60));
                    config.timers.account_check = Some(Duration::from_secs(300));
                },
                false,
            )
        }
    }
}

/// Holds clients that are idle, but for those that send a message each when they are told to.
fn clients(address: SocketAddr, idle: usize, busy: usize) -> Result {
    pin(CLIENT_CPU)?;
    let mut fleet = Fleet::connect(address, idle + busy, |_| vec![], 0)?;
    println!("ready");
    let message = packet(1101, DATA);
    for line in std::io::stdin().lines() {
        for _ in 0..line?.parse()? {
            for client in idle..idle + busy {
                fleet.send(client, &message)?;
            }
            fleet.read(busy * REPLY_BYTES)?;
        }
        println!("done");
    }
    Ok(())
}

struct Nothing;

impl Application for Nothing {
    type Session = ();
}

static ROUTES: Router<Nothing> = Router::new([]);

/// How often each connection's timer comes, where all come at once.
const PERIOD: Duration = Duration::from_secs(2);
/// How long turns are watched, once or for each time that all come at once.
const WATCHED: Duration = Duration::from_secs(10);

/// The longest wait for a timer between two turns.
const IDLE_WAIT: Duration = Duration::from_millis(100);

/// The longest turn of a reactor whose clients are idle. `at_once`: it is stopped until every timer is
/// due, again and again.
fn stall(what: &str, idle: usize, change: impl Fn(&mut Config), at_once: bool) -> Result {
    let mut config = Config::default();
    config.listen = vec![Listen::Tcp("127.0.0.1:0".parse()?)];
    config.limits.max_connections_per_ip = None;
    config.timers.read = None;
    config.timers.housekeeping = None;
    config.timers.ping_interval = None;
    change(&mut config);
    let mut reactor = Reactor::bind(&config, &ROUTES, Nothing)?;
    let address = reactor.local_addr().ok_or("no address")?.to_string();
    let mut clients = Helper::copy(&["clients", &address, &idle.to_string(), "0"])?;
    let ready = std::thread::spawn(move || clients.hear().is_ok().then_some(clients));
    while !ready.is_finished() {
        reactor.turn(Some(Duration::from_millis(10)))?;
    }
    let _clients = ready.join().map_err(|_| "a panic")?.ok_or("the clients have failed")?;
    let mut turns = vec![];
    let mut longest = vec![];
    let passes = if at_once { 5 } else { 1 };
    for _ in 0..passes {
        if at_once {
            std::thread::sleep(PERIOD + PERIOD / 4);
        }
        let until = now(ClockId::Monotonic) + if at_once { PERIOD / 2 } else { WATCHED }.as_nanos() as u64;
        let first = turns.len();
        while now(ClockId::Monotonic) < until {
            sleep_until_due(&reactor);
            let before = now(ClockId::ThreadCPUTime);
            reactor.turn(Some(Duration::ZERO))?;
            turns.push((now(ClockId::ThreadCPUTime) - before) as f64 / 1000.0);
        }
        longest.push(turns[first..].iter().copied().fold(0.0, f64::max));
    }
    let count = turns.len();
    turns.sort_by(f64::total_cmp);
    let quantile = |of: f64| turns[((count - 1) as f64 * of) as usize];
    print!(
        "{what}: {count} turns, p50 {:.1}, p99 {:.1}, p99.9 {:.1} us of CPU;",
        quantile(0.5),
        quantile(0.99),
        quantile(0.999)
    );
    println!(" longest {:.1} (of each pass: {longest:.1?})", quantile(1.0));
    if !at_once {
        println!("    {:.1} polls a second", count as f64 / WATCHED.as_secs_f64());
    }
    Ok(())
}

/// Waits in the reactor's place, outside of what is measured: to fall asleep and to wake up takes the system
/// more time than the turn does.
#[expect(clippy::disallowed_methods, reason = "a deadline is compared with the clock")]
fn sleep_until_due(reactor: &Reactor<Nothing>) {
    let rest = reactor.next_deadline().map(|at| at.saturating_duration_since(Instant::now()));
    std::thread::sleep(rest.unwrap_or(IDLE_WAIT).min(IDLE_WAIT));
}

/// A clock, in nanoseconds.
fn now(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// What a message of a busy client costs with and without idle ones.
fn neighbours(rounds: usize, idle: usize, server: &str) -> Result {
    let mut alone = serve(server, 0)?;
    let mut with_idle = serve(server, idle)?;
    let (mut times, mut ratios) = (vec![], vec![]);
    for round in 0..=rounds {
        let one = cost(&mut alone)?;
        let other = cost(&mut with_idle)?;
        if round > 0 {
            times.push(one);
            ratios.push(other / one);
        }
    }
    let (ratio, least, greatest) = middle(ratios);
    println!(
        "{BUSY} busy clients: {:.0} ns of CPU a message; beside {idle} idle ones {ratio:.3} times that ({least:.3} to {greatest:.3})",
        middle(times).0
    );
    Ok(())
}

fn serve(server: &str, idle: usize) -> Result<(Helper, Helper)> {
    let mut command = Command::new(server);
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--max-connections-per-ip",
        "0",
        "--account-check",
        "0",
    ]);
    command.args(["--client-check", "0", "--read-timeout", "0", "--ping-interval", "0"]);
    command.args(["--cpu", &SERVER_CPU.to_string()]);
    let mut server = Helper::start(&mut command)?;
    let address = server.listening()?;
    let mut clients = Helper::copy(&["clients", &address, &idle.to_string(), &BUSY.to_string()])?;
    clients.hear()?;
    Ok((server, clients))
}

fn cost((server, clients): &mut (Helper, Helper)) -> Result<f64> {
    let before = server.cpu_ns()?;
    clients.tell(&MESSAGES.to_string())?;
    clients.hear()?;
    Ok((server.cpu_ns()? - before) as f64 / (MESSAGES * BUSY) as f64)
}
