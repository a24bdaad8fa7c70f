//! Names options as they were given: by a flag, a key of the file, or a variable.

use super::load::Given;

/// Where each option was given, as its line in `check-config` has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins(Vec<(&'static str, String)>);

impl Origins {
    /// The later of two has precedence.
    pub(super) fn new(given: &[&Given]) -> Self {
        Origins(given.iter().rev().map(|given| (given.entry.name, given.origin.clone())).collect())
    }

    /// A line that begins with the flags of options, with the places of their values instead.
    pub(crate) fn name_in(&self, line: &str) -> String {
        // What is behind it can have any words.
        let (flags, rest) = line.split_at(line.find(": ").unwrap_or(line.len()));
        let words = flags.split(' ').map(|word| self.of_flag(word).unwrap_or(word));
        words.collect::<Vec<_>>().join(" ") + rest
    }

    fn of_flag(&self, word: &str) -> Option<&str> {
        let name = word.strip_prefix("--")?;
        self.0.iter().find(|(given, _)| *given == name).map(|(_, origin)| &**origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_at_the_beginning_become_the_places_of_their_values() {
        let at = |name, origin: &str| (name, origin.to_owned());
        let origins = Origins(vec![
            at("tls-cert", "f.toml: tls_cert"),
            at("tls-key", "SYSCONN_TLS_KEY"),
            at("tls-key", "f.toml: tls_key"),
            at("cpu", "--cpu"),
        ]);
        for (line, expected) in [
            ("--tls-cert: a b: cannot be read", "f.toml: tls_cert: a b: cannot be read"),
            ("--tls-cert and --tls-key: a and b: no", "f.toml: tls_cert and SYSCONN_TLS_KEY: a and b: no"),
            ("--cpu 7: there is no such CPU", "--cpu 7: there is no such CPU"),
            ("--data: --tls-key: not a directory", "--data: --tls-key: not a directory"),
            ("cannot listen on --tls-keys", "cannot listen on --tls-keys"),
        ] {
            assert_eq!(origins.name_in(line), expected);
        }
    }
}
