//! Step 1 of docs/embedding.md. Written by main.rs.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    // What is logged at `info` and above goes to the terminal; RUST_LOG=debug shows more.
    let filter = env_logger::Env::default().default_filter_or("info");
    env_logger::Builder::from_env(filter).init();
    Ok(())
}
