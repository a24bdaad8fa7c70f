//! Bots for the game `arena`: each plays a role until the server ends, and checks every snapshot against its
//! own integration of the moves.
//!
//! ```text
//! cargo run --example arena_bots --features client,protobuf,token -- ADDRESS BOTS SECONDS [back]
//! ```
//!
//! KEY is the key of the game. After SECONDS the bots wait for the server to drain, which is part of the
//! play. With `back`, they expect their roles where an earlier run has left them.

mod bot;
mod link;
#[allow(dead_code, unreachable_pub, missing_docs, reason = "generated code, of which the bots use a part")]
#[rustfmt::skip]
mod messages;
mod track;

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sysconn::token::Keys;

use bot::{Bot, Counts, Plan, ROOMS};
use link::Fallible;

const USAGE: &str = "usage: KEY=… arena_bots ADDRESS BOTS SECONDS [back]";

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = env::args().skip(1).collect();
    let (settings, is_back) = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [address, bots, seconds] => ([address, bots, seconds], false),
        [address, bots, seconds, "back"] => ([address, bots, seconds], true),
        _ => return Err(USAGE.into()),
    };
    play(settings, is_back)
}

/// Plays until the server ends; an error if any bot has met one.
pub(crate) fn play([address, bots, seconds]: [&str; 3], is_back: bool) -> Result<(), Box<dyn Error>> {
    let (bots, seconds) = (bots.parse()?, Duration::from_secs(seconds.parse()?));
    let keys = Keys::from_text(env::var("KEY").map_err(|_| USAGE)?.as_bytes())?;
    let quiet_at = bot::now() + seconds.saturating_sub(Duration::from_secs(1));
    let plan = Arc::new(Plan { address: address.to_owned(), keys, bots, is_back, quiet_at });
    let mut threads = vec![];
    for role_id in 1..=bots {
        let plan = plan.clone();
        threads.push((format!("bot {role_id}"), thread::spawn(move || Bot::log_in(&plan, role_id)?.play())));
    }
    for room in 1..=ROOMS {
        let plan = plan.clone();
        threads.push((format!("watcher {room}"), thread::spawn(move || bot::watch(&plan, room))));
    }
    thread::sleep(seconds);
    println!("time is up: end the server");
    summary(threads)
}

/// Prints what the bots have seen and done, and the errors.
fn summary(threads: Vec<(String, JoinHandle<Fallible<Counts>>)>) -> Result<(), Box<dyn Error>> {
    let (mut all, mut errors) = (Counts::default(), 0);
    for (name, thread) in threads {
        match thread.join() {
            Ok(Ok(counts)) => all.add(counts),
            Ok(Err(error)) => {
                errors += 1;
                println!("{name}: {error}");
            }
            Err(_) => errors += 1,
        }
    }
    let Counts { snapshots, roles, ticks_without, moves, lines, joins, kicked, reconnects } = all;
    println!(
        "{snapshots} snapshots of {roles} roles, {ticks_without} ticks without one, {moves} moves, {lines} lines"
    );
    println!("{joins} joins, {kicked} kicked, {reconnects} reconnects, {errors} errors");
    if errors == 0 { Ok(()) } else { Err("there were errors".into()) }
}
