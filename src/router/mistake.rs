//! The messages of mistakes in tables, put together at compile time: the compiler prints them as errors.

use std::panic::Location;

/// The most bytes of a message; the rest is cut off.
const MAX_BYTES: usize = 1024;

/// A route or a module, and where it was made.
#[derive(Clone, Copy)]
pub(super) struct Named {
    pub(super) name: &'static str,
    pub(super) place: &'static Location<'static>,
}

/// The message of a mistake, as far as it is written.
pub(super) struct Mistake {
    bytes: [u8; MAX_BYTES],
    len: usize,
}

impl Mistake {
    /// Two routes have the same command.
    pub(super) const fn command_twice(cmd: u16, first: Named, second: Named) -> Self {
        let twice = Mistake::new("command ").number(cmd as u32).text(" is listed twice: as ").named(first);
        twice.text(" and as ").named(second)
    }

    /// A route is in a module with another number than `Cmd / 100`.
    pub(super) const fn misplaced(cmd: u16, route: Named, module: u16, name: &str) -> Self {
        let command = Mistake::new("command ").number(cmd as u32).text(", ").named(route);
        let belongs = command
            .text(", belongs to module ")
            .number(cmd as u32 / 100)
            .text(" (Cmd / 100), but is listed in ");
        belongs.module(module, name)
    }

    /// Two modules have the same number.
    pub(super) const fn module_twice(number: u16, first: Named, second: Named) -> Self {
        let twice = Mistake::new("module ").number(number as u32).text(" is listed twice: as ").named(first);
        twice.text(" and as ").named(second)
    }

    /// A module has a number that belongs to no command.
    pub(super) const fn no_module(number: u16, name: &str) -> Self {
        Mistake::new("no command can belong to ").module(number, name).text(": Cmd / 100 is at most 655")
    }

    const fn new(text: &str) -> Self {
        Mistake { bytes: [0; MAX_BYTES], len: 0 }.text(text)
    }

    /// Appends a text, or as many of its characters as there is space for.
    const fn text(mut self, text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut taken = bytes.len();
        if taken > MAX_BYTES - self.len {
            taken = text.floor_char_boundary(MAX_BYTES - self.len);
        }
        let mut i = 0;
        while i < taken {
            self.bytes[self.len + i] = bytes[i];
            i += 1;
        }
        self.len += taken;
        self
    }

    /// Appends a number, in decimal.
    const fn number(self, number: u32) -> Self {
        let rest = if number < 10 { self } else { self.number(number / 10) };
        let digit = [b'0' + (number % 10) as u8];
        match std::str::from_utf8(&digit) {
            Ok(digit) => rest.text(digit),
            Err(_) => rest,
        }
    }

    /// Appends a name, and the line where it was given.
    const fn named(self, of: Named) -> Self {
        self.text("`")
            .text(of.name)
            .text("` (")
            .text(of.place.file())
            .text(":")
            .number(of.place.line())
            .text(")")
    }

    /// Appends a module.
    const fn module(self, number: u16, name: &str) -> Self {
        self.text("module ").number(number as u32).text(", `").text(name).text("`")
    }

    /// The message.
    pub(super) const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_put_together_and_cut_off_between_two_characters() {
        let place = Location::caller();
        let (file, line) = (place.file(), place.line());
        let numbers = Mistake::new("0 is ").number(0).text(", ").number(u32::MAX);
        assert_eq!(numbers.as_str(), "0 is 0, 4294967295");
        let named = Mistake::new("a ").named(Named { name: "route", place });
        assert_eq!(named.as_str(), format!("a `route` ({file}:{line})"));
        for before in [MAX_BYTES - 3, MAX_BYTES - 2, MAX_BYTES - 1, MAX_BYTES] {
            let (long, space) = ("x".repeat(before), MAX_BYTES - before);
            let fitting = &"éé"[..space / 2 * 2];
            assert_eq!(Mistake::new(&long).text("éé").as_str(), format!("{long}{fitting}"), "{before}");
        }
    }
}
