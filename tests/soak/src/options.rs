//! The command line.

use std::path::PathBuf;
use std::time::Duration;

const USAGE: &str = "usage: sysconn-soak [--program PATH] [--cycles N | --minutes N] [--at-once N] [--seed N] \
                     [-- OPTIONS OF THE SERVER]";

pub struct Options {
    pub program: PathBuf,
    pub length: Length,
    pub at_once: usize,
    pub seed: u64,
    /// More arguments for the program.
    pub more: Vec<String>,
}

/// How long a run goes on.
#[derive(Clone, Copy)]
pub enum Length {
    /// This number of connections.
    Cycles(u64),
    Time(Duration),
}

impl Options {
    /// # Errors
    /// One line that names the invalid option.
    pub fn parse() -> Result<Self, String> {
        let mut options = Options {
            program: "target/release/sysconn".into(),
            length: Length::Cycles(20_000),
            at_once: 200,
            seed: 1,
            more: vec![],
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            if word == "--" {
                options.more = words.collect();
                break;
            }
            let value = words.next().ok_or(USAGE)?;
            let number = || value.parse::<u64>().map_err(|_| format!("{word} takes a number; {USAGE}"));
            match word.as_str() {
                "--program" => options.program = value.into(),
                "--cycles" => options.length = Length::Cycles(number()?),
                "--minutes" => options.length = Length::Time(Duration::from_secs(60 * number()?)),
                "--at-once" => options.at_once = usize::try_from(number()?.max(1)).map_err(|_| USAGE)?,
                "--seed" => options.seed = number()?,
                _ => return Err(format!("there is no option {word}; {USAGE}")),
            }
        }
        Ok(options)
    }
}
