//! error: `Game` is not the state of an application: it does not implement `Application`
//! says: all hooks have defaults: `impl sysconn::Application for Game { type Session = (); }`

use sysconn::{Config, Reactor, Router};

struct Game;

static ROUTER: Router<Game> = Router::new([]); //~

fn main() {
    let _ = Reactor::bind(&Config::default(), &ROUTER, Game); //~
}
