//! The command line.

#[derive(Default)]
pub struct Options {
    /// Try the named mistakes on the simulation, not the mistakes that cargo-mutants lists.
    pub is_named: bool,
    /// Try only the mistakes whose names match this regular expression.
    pub only: Option<String>,
    /// Keep earlier outcomes for files that have not changed.
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
