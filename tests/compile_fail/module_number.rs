//! error: no 16-bit command belongs to a module with this number

use sysconn::{Application, Module};

struct State;

impl Application for State {
    type Session = ();
}

static BEYOND: Module<State> = Module::new(656, "beyond", []);

fn main() {
    let _ = BEYOND.number();
}
