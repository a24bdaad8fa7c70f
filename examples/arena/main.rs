//! A game on one or several workers: tokens, a lobby, rooms with 20 snapshots a second, chat, kicks, and
//! roles that are kept on disk. Its messages are in arena.proto, its bots in bots.rs.
//!
//! ```text
//! export KEY=$(openssl rand -hex 32)           # signs the tokens
//! LISTEN=127.0.0.1:9001 WORKERS=3 DIRECTORY=/tmp/arena cargo run --example arena --features protobuf,token
//! cargo run --example arena_bots --features client,protobuf,token -- 127.0.0.1:9001 200 60
//! ```

mod game;
#[allow(dead_code, unreachable_pub, missing_docs, reason = "generated code, of which the game uses a part")]
#[rustfmt::skip]
mod messages;
mod store;

use std::{collections::BTreeMap, env::var, error::Error, sync::mpsc::channel, thread, time::Duration};

use signal_hook::{consts::TERM_SIGNALS, iterator::Signals};
use sysconn::{Config, Workers, config::Listen, token::Keys};

use game::{Arena, ROUTES};

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut config = Config::default();
    config.listen = vec![Listen::Tcp(var("LISTEN")?.parse()?)];
    config.workers = var("WORKERS")?.parse()?;
    config.tick = Some(Duration::from_millis(50));
    config.limits.max_len = 1024;
    // Time for the notice of the drain to reach the clients of all workers.
    config.drain.delay = Duration::from_millis(200);
    let keys = Keys::from_text(var("KEY")?.as_bytes())?;
    let (sender, jobs) = channel();
    let directory = var("DIRECTORY")?.into();
    let store = thread::spawn(move || store::run(directory, jobs));
    let mut workers = Workers::bind(&config, &ROUTES, |worker| Arena {
        worker,
        keys: keys.clone(),
        store: sender.clone(),
        heroes: BTreeMap::new(),
    })?;
    println!("listening on {}", workers.local_addr().ok_or("no TCP listener")?);
    let (server, mut signals) = (workers.handle(), Signals::new(TERM_SIGNALS)?);
    thread::spawn(move || signals.forever().for_each(|_| server.drain()));
    workers.run()?;
    // The last senders: the store ends once it has written everything.
    drop((workers, sender));
    Ok(store.join().map_err(|_| "the store panicked")??)
}
