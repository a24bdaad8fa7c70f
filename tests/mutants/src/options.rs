//! The command line.

#[derive(Default)]
pub struct Options {
    /// The named mistakes are tried, on the simulation, and not those that cargo-mutants lists.
    pub is_named: bool,
    /// A regular expression: only what cargo-mutants calls so is tried.
    pub only: Option<String>,
    /// What was noticed before counts, where the file is still the same.
    pub goes_on: bool,
}

impl Options {
    pub fn parse() -> Result<Options, String> {
        let mut options = Options::default();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "named" => options.is_named = true,
                "--only" => options.only = Some(words.next().ok_or("--only needs a regular expression")?),
                "--go-on" => options.goes_on = true,
                _ => return Err(format!("{word} is unknown; there are: named, --only REGEX, --go-on")),
            }
        }
        Ok(options)
    }
}
