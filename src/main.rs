//! The `sysconn` program.

fn main() {}
