//! The command line.

pub struct Options {
    /// A regular expression: only what cargo-mutants calls so is tried.
    pub only: Option<String>,
    /// What was noticed before counts, where the file is still the same.
    pub goes_on: bool,
}

impl Options {
    pub fn parse() -> Result<Options, String> {
        let mut options = Options { only: None, goes_on: false };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--only" => options.only = Some(words.next().ok_or("--only needs a regular expression")?),
                "--go-on" => options.goes_on = true,
                _ => return Err(format!("no option is called {word}; there are --only REGEX and --go-on")),
            }
        }
        Ok(options)
    }
}
