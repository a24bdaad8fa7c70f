//! A row of the table of options.

use super::Mode;
use super::value_type::ValueType;

/// One option.
pub(super) struct Entry {
    /// The name of the flag, without its `--`.
    pub(super) name: &'static str,
    pub(super) value_type: ValueType,
    /// The default as text; empty: none.
    pub(super) default: &'static str,
    pub(super) help: &'static str,
    pub(super) echo: InEcho,
}

/// How `echo` treats an option of `serve`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum InEcho {
    Same,
    /// It has another default.
    Default(&'static str),
    /// It is accepted, and has no effect.
    NoEffect,
    /// There is no such flag. In the file and the environment, which both programs may share, it is
    /// accepted.
    Absent,
}

pub(super) const fn entry(
    name: &'static str,
    value_type: ValueType,
    default: &'static str,
    help: &'static str,
) -> Entry {
    Entry { name, value_type, default, help, echo: InEcho::Same }
}

impl Entry {
    pub(super) const fn in_echo(mut self, echo: InEcho) -> Entry {
        self.echo = echo;
        self
    }

    /// The option's name as a key of the file.
    pub(super) fn key(&self) -> String {
        self.name.replace('-', "_")
    }

    /// The option's name in the environment.
    pub(super) fn variable(&self) -> String {
        format!("SYSCONN_{}", self.key().to_ascii_uppercase())
    }

    /// Whether the program has a flag for it.
    pub(super) fn applies_to(&self, mode: Mode) -> bool {
        mode == Mode::Serve || self.echo != InEcho::Absent
    }
}
