//! error: `Rc<()>` cannot be sent between threads safely
//! says: required because it appears within the type `Game`
//! says: S: Application<Session: Send> + Send, // each worker runs on a thread of its own

use std::rc::Rc;

use sysconn::{Application, Config, Router, Workers};

struct Game(Rc<()>);

impl Application for Game {
    type Session = ();
}

static ROUTER: Router<Game> = Router::new([]);

fn main() {
    let shared = Rc::new(());
    let _ = Workers::bind(&Config::default(), &ROUTER, |_| Game(shared.clone())); //~
}
