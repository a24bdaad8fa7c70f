//! Text from the server that is safe to show: whoever named an account, it cannot steer the terminal.

use std::fmt;

use ratatui::text::Span;
use serde::{Deserialize, Deserializer};
use sysconn::log_line::is_plain;

/// The most characters that are kept of a text.
const MAX_CHARS: usize = 255;

/// Text whose every character is visible and takes one or two columns. Control characters, escape sequences,
/// controls of direction, and characters without a width are written as `\u{...}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shown(String);

impl Shown {
    /// Escapes a text, and cuts it off.
    pub(super) fn new(text: &str) -> Self {
        let mut shown = String::new();
        for (index, letter) in text.chars().enumerate() {
            if index == MAX_CHARS {
                shown.push('…');
                break;
            }
            match letter {
                '\t' | '\r' | '\n' | '\0' => shown.extend(letter.escape_debug()),
                _ if is_plain(letter) && width(letter.encode_utf8(&mut [0; 4])) > 0 => shown.push(letter),
                _ => shown.extend(letter.escape_unicode()),
            }
        }
        Shown(shown)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Shown::new(&String::deserialize(from)?))
    }
}

/// The columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// The text in exactly that many columns: padded, or cut off with `…`.
pub(super) fn fit(text: &str, columns: usize, to_the_right: bool) -> String {
    let taken = width(text);
    if taken <= columns {
        let padding = " ".repeat(columns - taken);
        return if to_the_right { padding + text } else { text.to_owned() + &padding };
    }
    let (mut fitting, mut used) = (String::new(), 0);
    for letter in text.chars() {
        let more = width(letter.encode_utf8(&mut [0; 4]));
        if used + more >= columns {
            break;
        }
        fitting.push(letter);
        used += more;
    }
    if used < columns {
        fitting.push('…');
        used += 1;
    }
    fitting + &" ".repeat(columns.saturating_sub(used))
}

/// The text in lines of at most that many columns, broken between words where it can be.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(2);
    let mut lines = vec![String::new()];
    let (mut used, mut begin_word) = (0, 0);
    for letter in text.chars() {
        let more = width(letter.encode_utf8(&mut [0; 4]));
        if letter == ' ' && used == columns {
            // The end of the line stands for it.
            lines.push(String::new());
            (used, begin_word) = (0, 0);
            continue;
        }
        while used + more > columns {
            let Some(line) = lines.last_mut() else { break };
            let rest = if begin_word > 0 { line.split_off(begin_word) } else { String::new() };
            line.truncate(line.trim_end().len());
            (used, begin_word) = (width(&rest), 0);
            lines.push(rest);
        }
        let Some(line) = lines.last_mut() else { break };
        line.push(letter);
        used += more;
        if letter == ' ' {
            begin_word = line.len();
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_broken_between_words() {
        for (text, columns, expected) in [
            ("", 10, vec![""]),
            ("ab cd", 5, vec!["ab cd"]),
            ("ab cd ef", 5, vec!["ab cd", "ef"]),
            ("ab cd ef", 4, vec!["ab", "cd", "ef"]),
            ("abcdefg hi", 4, vec!["abcd", "efg", "hi"]),
            ("名字字 ab", 5, vec!["名字", "字 ab"]),
            ("名字", 1, vec!["名", "字"]),
            ("x abcd字", 5, vec!["x", "abcd", "字"]),
        ] {
            assert_eq!(wrap(text, columns), expected, "{text} in {columns}");
        }
    }

    #[test]
    fn no_text_steers_the_terminal() {
        for (given, shown) in [
            ("名字 ß <b>", "名字 ß <b>"),
            ("a\nb\r\t\0", r"a\nb\r\t\0"),
            ("\u{1b}[2J\u{7f}\u{9b}", r"\u{1b}[2J\u{7f}\u{9b}"),
            ("\u{202e}\u{2066}\u{200f}", r"\u{202e}\u{2066}\u{200f}"),
            ("e\u{301}\u{200d}\u{feff}\u{fe0f}", r"e\u{301}\u{200d}\u{feff}\u{fe0f}"),
            // Fillers of Hangul have no width, though they are no control characters.
            ("\u{3164}\u{1160}", r"\u{3164}\u{1160}"),
        ] {
            assert_eq!(Shown::new(given).as_str(), shown);
            let json = serde_json::to_string(given).unwrap();
            assert_eq!(serde_json::from_str::<Shown>(&json).unwrap().as_str(), shown);
        }
        assert_eq!(Shown::new(&"长".repeat(1000)).as_str().chars().count(), MAX_CHARS + 1);
    }

    #[test]
    fn a_cell_takes_its_columns_and_no_more() {
        for (text, columns, to_the_right, expected) in [
            ("ab", 4, false, "ab  "),
            ("ab", 4, true, "  ab"),
            ("abcd", 4, true, "abcd"),
            ("abcde", 4, false, "abc…"),
            ("名字字", 5, false, "名字…"),
            ("名字字", 4, false, "名… "),
            ("名", 1, false, "…"),
            ("a", 0, false, ""),
        ] {
            assert_eq!(fit(text, columns, to_the_right), expected, "{text} in {columns}");
        }
    }
}
