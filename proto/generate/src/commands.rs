//! The commands in a proto file: comment lines `// cmd 1201 room.Join`.
//!
//! Such a line in the comment above a message gives the message that name, in that module; anywhere else it
//! is about a command without messages. The first line about a command names its constant.

use std::collections::BTreeMap;

/// What a message is called in Rust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) module: String,
    pub(crate) name: String,
}

/// The commands and message names of all proto files.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    /// The constant of each command: its module, and the name in it.
    pub(crate) constants: BTreeMap<u16, Name>,
    /// The Rust names of messages, by their names in the proto files.
    pub(crate) messages: BTreeMap<String, Name>,
}

impl Commands {
    /// Reads the commands of a file.
    ///
    /// # Errors
    /// The line that is wrong, and why.
    pub(crate) fn read(&mut self, file: &str, text: &str) -> Result<(), String> {
        let mut above = None;
        for (line, number) in text.lines().zip(1..) {
            let failed = |reason: &str| format!("{file}:{number}: {reason}");
            match line.strip_prefix("//") {
                Some(comment) if is_command(comment) => {
                    let (cmd, name) =
                        parse(comment).ok_or_else(|| failed("not `// cmd NUMBER module.Name`"))?;
                    self.add(cmd, &name).map_err(|reason| failed(&reason))?;
                    if above.replace(name).is_some() {
                        return Err(failed("two commands above one message"));
                    }
                }
                Some(_) => {}
                None => {
                    let Some(name) = above.take() else { continue };
                    let message =
                        line.strip_prefix("message ").and_then(|rest| rest.split([' ', '{']).next());
                    let Some(message) = message else { continue };
                    if self.messages.values().any(|other| *other == name) {
                        return Err(failed("two messages have the same name"));
                    }
                    self.messages.insert(message.to_owned(), name);
                }
            }
        }
        Ok(())
    }

    /// Adds a command, unless it is known.
    fn add(&mut self, cmd: u16, name: &Name) -> Result<(), String> {
        let known = self.constants.entry(cmd).or_insert_with(|| name.clone());
        if known.module != name.module {
            return Err(format!("command {cmd} is in module `{}` already", known.module));
        }
        let (module, constant) = (&name.module, name.constant());
        let same = self
            .constants
            .iter()
            .find(|(other, named)| **other != cmd && named.module == *module && named.constant() == constant);
        match same {
            Some((other, _)) => Err(format!("`{module}::{constant}` is command {other} already")),
            None => Ok(()),
        }
    }
}

impl Name {
    /// The name in capitals: `JoinRoom` is `JOIN_ROOM`.
    pub(crate) fn constant(&self) -> String {
        let mut constant = String::new();
        for char in self.name.chars() {
            if char.is_ascii_uppercase() && !constant.is_empty() {
                constant.push('_');
            }
            constant.push(char.to_ascii_uppercase());
        }
        constant
    }
}

/// Whether a comment is about a command, so that it must be right.
pub(crate) fn is_command(comment: &str) -> bool {
    comment
        .trim_start()
        .strip_prefix("cmd ")
        .is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()))
}

fn parse(comment: &str) -> Option<(u16, Name)> {
    let mut words = comment.split_whitespace().skip(1);
    let (cmd, path) = (words.next()?.parse().ok()?, words.next()?);
    let (module, name) = path.split_once('.').filter(|_| words.next().is_none())?;
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
    let is_right = is_word(module)
        && module.starts_with(|char: char| char.is_ascii_lowercase())
        && is_word(name)
        && name.starts_with(|char: char| char.is_ascii_uppercase());
    is_right.then(|| (cmd, Name { module: module.to_owned(), name: name.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Commands, String> {
        let mut commands = Commands::default();
        commands.read("a.proto", text).map(|()| commands)
    }

    #[test]
    fn commands_name_messages_and_constants() {
        let text = "// Enters.\n// cmd 1201 room.JoinRoom\n// More.\nmessage m_1201_tos {\n}\n\
            // cmd 1201 room.Joined\nmessage m_1201_toc{}\n// cmd 1202 room.Leave\n\nmessage other {}\n";
        let commands = read(text).expect("it is right");
        let constants: Vec<_> =
            commands.constants.iter().map(|(cmd, name)| (*cmd, name.constant())).collect();
        assert_eq!(constants, [(1201, "JOIN_ROOM".to_owned()), (1202, "LEAVE".to_owned())]);
        let messages: Vec<_> = commands.messages.iter().map(|(of, name)| (&of[..], &name.name[..])).collect();
        assert_eq!(messages, [("m_1201_toc", "Joined"), ("m_1201_tos", "JoinRoom")]);
    }

    #[test]
    fn mistakes_are_named_with_their_lines() {
        let form = "not `// cmd NUMBER module.Name`";
        for (text, expected) in [
            ("// cmd 65536 room.Join\n", format!("a.proto:1: {form}")),
            ("\n// cmd 1 Join\n", format!("a.proto:2: {form}")),
            ("// cmd 1 room.join\n", format!("a.proto:1: {form}")),
            ("// cmd 1 Room.Join\n", format!("a.proto:1: {form}")),
            ("// cmd 1 room.Join now\n", format!("a.proto:1: {form}")),
            ("// cmd 1 room.A\n// cmd 2 room.B\n", "a.proto:2: two commands above one message".to_owned()),
            ("// cmd 1 a.A\n\n// cmd 1 b.B\n", "a.proto:3: command 1 is in module `a` already".to_owned()),
            ("// cmd 1 a.A\n\n// cmd 2 a.A\n", "a.proto:3: `a::A` is command 1 already".to_owned()),
            (
                "// cmd 1 a.A\nmessage x {}\n// cmd 1 a.A\nmessage y {}\n",
                "a.proto:4: two messages have the same name".to_owned(),
            ),
        ] {
            assert_eq!(read(text).map(|_| ()), Err(expected), "{text}");
        }
        assert!(read("// cmd is a word\n").expect("a comment").constants.is_empty());
    }
}
