//! Commands by name, and their messages: those of the program, or those in files.

use std::path::Path;

use prost_reflect::{DescriptorPool, MessageDescriptor};
use protox::file::{File, FileResolver};
use serde::Deserialize;

use crate::modules;
use crate::options::{read, shown};

/// The messages of the program's own modules.
const PROTO: &str = include_str!("../../../proto/sysconn.proto");
const PROTO_NAME: &str = "sysconn.proto";

/// A route in a file; other fields are left out.
#[derive(Clone, Debug, Deserialize)]
struct Route {
    cmd: u16,
    module: String,
    name: String,
    request: Option<String>,
    reply: Option<String>,
}

/// All that is known of a server's commands.
#[derive(Debug)]
pub(crate) struct Catalogue {
    routes: Vec<Route>,
    messages: DescriptorPool,
}

/// One command.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) cmd: u16,
    /// The message that it takes, if it is known.
    pub(crate) request: Option<MessageDescriptor>,
    /// The message that it replies with, or pushes.
    pub(crate) reply: Option<MessageDescriptor>,
}

/// Finds the program's own messages.
struct Own;

impl FileResolver for Own {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        if name == PROTO_NAME {
            File::from_source(name, PROTO)
        } else {
            Err(protox::Error::file_not_found(name))
        }
    }
}

impl Catalogue {
    /// Reads the files; without any it has the program's own commands.
    ///
    /// # Errors
    /// One line that says which file cannot be used, and why.
    pub(crate) fn load(routes: Option<&Path>, proto: Option<&Path>) -> Result<Self, String> {
        let is_own = routes.is_none() && proto.is_none();
        let routes = match routes {
            Some(path) => {
                let name = format!("--routes: {}", shown(path));
                let text = read(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
                serde_json::from_slice(&text)
                    .map_err(|error| format!("{name}: expected what sysconn routes --json prints: {error}"))?
            }
            None if is_own => own_routes(),
            None => Vec::new(),
        };
        let messages = match proto {
            Some(path) => compile(path)?,
            None if is_own => {
                let mut compiler = protox::Compiler::with_file_resolver(Own);
                let compiled = compiler.open_file(PROTO_NAME).map(|compiler| compiler.descriptor_pool());
                compiled.map_err(|error| format!("{PROTO_NAME}: {error}"))?
            }
            None => DescriptorPool::new(),
        };
        Ok(Catalogue { routes, messages })
    }

    /// The command with this number, or this name.
    ///
    /// # Errors
    /// One line, if there is none of that name.
    pub(crate) fn command(&self, given: &str) -> Result<Command, String> {
        if let Ok(cmd) = given.parse() {
            return Ok(self.numbered(cmd));
        }
        let named = self.routes.iter().find(|route| format!("{}.{}", route.module, route.name) == given);
        named.map(|route| self.numbered(route.cmd)).ok_or_else(|| {
            let hint =
                if self.routes.is_empty() { "--routes FILE has names" } else { "sysconn routes lists them" };
            format!("unknown command {}: expected a number, or a name ({hint})", shown(given))
        })
    }

    /// The command with this number.
    pub(crate) fn numbered(&self, cmd: u16) -> Command {
        let route = self.routes.iter().find(|route| route.cmd == cmd);
        Command {
            cmd,
            request: self.message(cmd, "tos", route.and_then(|route| route.request.as_deref())),
            reply: self.message(cmd, "toc", route.and_then(|route| route.reply.as_deref())),
        }
    }

    /// The message `m_<Cmd>_tos` or `m_<Cmd>_toc`, or the one that the route names, in any package.
    fn message(&self, cmd: u16, direction: &str, name: Option<&str>) -> Option<MessageDescriptor> {
        let numbered = format!("m_{cmd}_{direction}");
        let by_number = self.messages.all_messages().find(|message| message.name() == numbered);
        by_number.or_else(|| {
            let name = name?;
            let is_it = |message: &MessageDescriptor| {
                message
                    .full_name()
                    .strip_suffix(name)
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            };
            self.messages.all_messages().find(is_it)
        })
    }
}

fn own_routes() -> Vec<Route> {
    let routes = modules::routes(true).routes().map(|route| Route {
        cmd: route.cmd,
        module: route.module.to_owned(),
        name: route.name.to_owned(),
        request: route.request.map(str::to_owned),
        reply: route.reply.map(str::to_owned),
    });
    routes.collect()
}

/// Compiles a file, and what it imports from its directory.
fn compile(path: &Path) -> Result<DescriptorPool, String> {
    let name = shown(path);
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let failed = |error: protox::Error| format!("--proto: {name}: {}", shown(error.to_string()));
    let mut compiler = protox::Compiler::new([directory.unwrap_or(Path::new("."))]).map_err(failed)?;
    Ok(compiler.open_file(path).map_err(failed)?.descriptor_pool())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_of_the_program_belongs_to_a_command() {
        let catalogue = Catalogue::load(None, None).unwrap();
        for message in catalogue.messages.all_messages() {
            let Some(rest) = message.name().strip_prefix("m_") else { continue };
            let (cmd, direction) = rest.split_once('_').unwrap();
            let command = catalogue.numbered(cmd.parse().unwrap());
            let found = if direction == "tos" { command.request } else { command.reply };
            assert_eq!(found.unwrap(), message);
        }
        assert_eq!(catalogue.command("room.join").unwrap().cmd, 1201);
        assert!(catalogue.command("room.jion").unwrap_err().contains("sysconn routes lists them"));
        assert!(catalogue.command("1101").unwrap().request.is_none());
    }
}
