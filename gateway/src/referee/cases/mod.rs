//! The cases, in five groups.

mod ends;
mod flags;
mod packets;
mod reconnecting;
mod refusals;

use super::stage::{Judged, Stage};

/// One case.
pub(super) struct Case {
    /// Its group and its place in there, such as `1.3`.
    pub(super) number: String,
    /// Its group's name and its own, such as `packets/lengths`.
    pub(super) name: String,
    /// What the client must do.
    pub(super) about: String,
    pub(super) run: Box<dyn Fn(&mut Stage<'_>) -> Judged>,
}

impl Case {
    /// Whether this is its number or its name, or the beginning of one: `4`, `4.2`, `flags`, `flags/late`.
    pub(super) fn is(&self, pattern: &str) -> bool {
        let begins = |text: &str, mark| {
            text.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with(mark))
        };
        begins(&self.number, '.') || begins(&self.name, '/')
    }
}

/// A case without its number.
struct Unnumbered {
    name: String,
    about: String,
    run: Box<dyn Fn(&mut Stage<'_>) -> Judged>,
}

fn case(name: &str, about: &str, run: fn(&mut Stage<'_>) -> Judged) -> Unnumbered {
    Unnumbered { name: name.to_owned(), about: about.to_owned(), run: Box::new(run) }
}

/// All cases, in the order of their numbers. New ones go to the end of their group, so that numbers stay.
pub(super) fn cases() -> Vec<Case> {
    let groups = [
        ("packets", packets::cases()),
        ("flags", flags::cases()),
        ("refusals", refusals::cases()),
        ("ends", ends::cases()),
        ("reconnect", reconnecting::cases()),
    ];
    let numbered = groups.into_iter().zip(1..).flat_map(|((group, cases), first)| {
        cases.into_iter().zip(1..).map(move |(case, second)| Case {
            number: format!("{first}.{second}"),
            name: format!("{group}/{}", case.name),
            about: case.about,
            run: case.run,
        })
    });
    numbered.collect()
}

/// Bytes without a pattern that a fault could hide in.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|index| u8::try_from(index % 251).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::cases;

    #[test]
    fn a_pattern_is_a_whole_number_or_name_or_group() {
        let cases = cases();
        let chosen = |pattern: &str| cases.iter().filter(|case| case.is(pattern)).count();
        assert_eq!([chosen("1.1"), chosen("flags/late"), chosen("flags/lat"), chosen("")], [1, 1, 0, 0]);
        assert_eq!(chosen("2"), chosen("flags"));
        assert_eq!((1..=5).map(|group| chosen(&group.to_string())).sum::<usize>(), cases.len());
    }
}
