//! The servers that others' libraries make, each as small as a fair use of the library can be. One
//! thread each.

mod bare;

use crate::Result;

/// Their names, the bare echo first.
pub const NAMES: [&str; 1] = [BARE];
pub const BARE: &str = "bare";

/// Runs one of them, for ever.
pub fn run(name: &str) -> Result<()> {
    match name {
        BARE => bare::run(),
        _ => Err(format!("there is no server {name}").into()),
    }
}
