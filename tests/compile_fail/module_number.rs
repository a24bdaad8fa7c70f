//! error: no command can belong to module 656, `beyond`: Cmd / 100 is at most 655

use sysconn::{Application, Module};

struct Game;

impl Application for Game {
    type Session = ();
}

static BEYOND: Module<Game> = Module::new(656, "beyond", []); //~

fn main() {
    let _ = BEYOND.number();
}
