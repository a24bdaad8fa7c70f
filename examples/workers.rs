//! One server with a reactor on each core: a chat whose lines reach the clients of all workers.
//!
//! Clients send a line (command 2201), and all clients get it (command 2210). Each worker knows only its own
//! clients, so a line goes to all workers, and each pushes it to its clients.
//!
//! ```text
//! cargo run --example workers
//! ```

use std::collections::HashSet;
use std::thread::available_parallelism;

use sysconn::config::MAX_WORKERS;
use sysconn::{
    Access, Application, Cause, Config, ConnectionId, Context, Effects, Module, Outcome, Push, Record,
    Request, Route, Router, Worker, Workers, packet,
};

/// The state of one worker. No other thread touches it.
struct Chat {
    worker: Worker<Chat>,
    clients: HashSet<ConnectionId>,
}

impl Application for Chat {
    type Session = ();

    fn opened(&mut self, context: &mut Context<'_>) {
        self.clients.insert(context.id());
    }

    fn closed(&mut self, record: &Record, _: (), _: Cause, _: &mut Effects) {
        self.clients.remove(&record.id());
    }
}

/// Sends a line to all workers, this one included.
fn say(chat: &mut Chat, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let line = Push::new(2210, request.data());
    for worker in 0..chat.worker.count() {
        let line = line.clone();
        let tell = move |chat: &mut Chat, effects: &mut Effects| {
            effects.broadcast(chat.clients.iter().copied(), &line);
        };
        if chat.worker.call(worker, tell).is_err() {
            // The mailbox of that worker is full: the client may try again.
            return Outcome::Refuse(packet::ErrorId::NOT_AVAILABLE);
        }
    }
    context.reply(b"")
}

static CHAT: Module<Chat> = Module::new(22, "chat", [Route::new(2201, "say", Access::Anyone, say)]);
static ROUTES: Router<Chat> = Router::new([&CHAT]);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cores = available_parallelism().map_or(1, usize::from);
    let mut config = Config::default();
    config.workers = cores.min(MAX_WORKERS);
    let mut workers = Workers::bind(&config, &ROUTES, |worker| Chat { worker, clients: HashSet::new() })?;
    println!("{} workers listen on {}", workers.count(), workers.local_addr().ok_or("no TCP listener")?);
    Ok(workers.run()?)
}
