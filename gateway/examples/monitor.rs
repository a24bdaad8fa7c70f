//! A game of its own that mounts the program's monitor: figures for operators, and their actions.
//!
//! In your game, copy gateway/src/modules/monitor, and make the messages of proto/sysconn.proto by
//! proto/generate. Then a state needs `Monitored`, and the router one more module. Clients are
//! operators once the game has logged them in as such: here by a password, as an example.
//!
//! ```text
//! cargo run -p sysconn-gateway --example monitor
//! ```

#[allow(dead_code, unreachable_pub, reason = "generated code, of which this example uses a part")]
#[path = "../src/messages/mod.rs"]
mod messages;
#[path = "../src/modules/monitor/mod.rs"]
mod monitor;

use monitor::Monitored;
use sysconn::{
    Access, Application, ClientKind, Config, Context, Identity, Login, Module, Outcome, Request, Route,
    Router, Worker, Workers,
};

/// The state of one worker.
struct Game {
    worker: Worker<Game>,
}

impl Application for Game {
    /// The number of greetings of this connection.
    type Session = u64;
}

impl Monitored for Game {
    fn worker(&self) -> &Worker<Self> {
        &self.worker
    }
}

fn greet(_: &mut Game, _: Request<'_>, context: &mut Context<'_, u64>) -> Outcome {
    *context.session_mut() += 1;
    let greetings = *context.session();
    context.reply(&greetings.to_be_bytes())
}

/// Data is the password of operators. A game would check a token, or ask a service.
fn log_in(_: &mut Game, request: Request<'_>, context: &mut Context<'_, u64>) -> Outcome {
    if request.data() != b"let me see" {
        return context.refuse_login("operator", 1, "wrong password");
    }
    let identity = Identity { account: "operator".to_owned(), role_id: 1, ..Identity::default() };
    let login = Login { identity, kind: ClientKind::Operator, ..Login::default() };
    match context.login(login) {
        Ok(()) => context.reply(&[]),
        Err(_) => context.refuse_login("operator", 1, "no role"),
    }
}

static LOBBY: Module<Game> = Module::new(
    20,
    "lobby",
    [
        Route::new(2001, "greet", Access::Anyone, greet),
        Route::new(2002, "log in", Access::Anyone, log_in).secret(),
    ],
);
static MONITOR: Module<Game> = Module::new(90, "monitor", monitor::routes());
static ROUTES: Router<Game> = Router::new([&LOBBY, &MONITOR]);

fn bind(config: &Config) -> Result<Workers<Game>, sysconn::BindError> {
    Workers::bind(config, &ROUTES, |worker| Game { worker })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut workers = bind(&Config::default())?;
    for listen in workers.listening() {
        println!("listening on {listen}");
    }
    Ok(workers.run()?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use prost::Message as _;
    use sysconn::client::{Client, ClientError};

    use super::*;
    use crate::messages::monitor::{ConnectionPage, Kick, Stats};

    /// Sends a request, and returns the ErrorID and Data of its reply.
    fn ask(client: &mut Client, cmd: u16, data: &[u8]) -> (u16, Vec<u8>) {
        match client.call(cmd, data) {
            Ok(reply) => (0, reply.data),
            Err(ClientError::Refused(error_id)) => (error_id.0, vec![]),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn operators_see_the_connections_of_all_workers_and_close_them() {
        let mut config = Config::default();
        config.listen = vec![sysconn::config::Listen::Tcp(([127, 0, 0, 1], 0).into())];
        config.workers = 2;
        let mut workers = bind(&config).unwrap();
        let (url, handle) =
            (format!("ws://{}/", workers.local_addr().unwrap()).parse().unwrap(), workers.handle());
        let thread = std::thread::spawn(move || workers.run());

        let connect = || Client::connect(&url).unwrap();
        let (mut player, mut operator) = (connect(), connect());
        assert_eq!(ask(&mut player, 2001, b""), (0, 1u64.to_be_bytes().to_vec()));
        assert_eq!(ask(&mut player, 9001, b"").0, 3, "nobody in particular");
        assert_eq!(ask(&mut operator, 2002, b"let me in").0, 7);
        assert_eq!(ask(&mut operator, 2002, b"let me see"), (0, vec![]));

        let (_, stats) = ask(&mut operator, 9001, b"");
        assert_eq!(Stats::decode(&stats[..]).unwrap().connections, 2);
        let (_, page) = ask(&mut operator, 9002, b"");
        let page = ConnectionPage::decode(&page[..]).unwrap();
        let found = page.connection.iter().find(|connection| connection.role_id == 0).unwrap();
        let kick = Kick { id: found.id, ..Kick::default() }.encode_to_vec();
        assert_eq!(ask(&mut operator, 9003, &kick), (0, vec![]));
        let Err(ClientError::Ended(ended)) = player.push() else { panic!("no Close") };
        assert_eq!(ended.code, 4010);

        drop((player, operator));
        handle.drain();
        thread.join().unwrap().unwrap();
    }
}
