//! error: no 16-bit command belongs to a module with this number

use sysconn::Module;

static BEYOND: Module<()> = Module::new(656, "beyond", []);

fn main() {
    let _ = BEYOND.number();
}
