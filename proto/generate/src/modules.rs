//! Moves messages that have a name of their own from their file to the package of their module.

use std::collections::BTreeMap;

use prost_types::source_code_info::Location;
use prost_types::{DescriptorProto, FileDescriptorProto, SourceCodeInfo};

use crate::commands::{Commands, is_command};

/// The numbers of the field `message_type` in a file and of `nested_type` in a message (descriptor.proto).
const MESSAGES: i32 = 4;

/// The files, and behind them one more for each module. All are of one package, those of modules in it.
///
/// # Errors
/// The files are of several packages, or a command stands above a message that is not there.
pub(crate) fn split(
    mut files: Vec<FileDescriptorProto>,
    commands: &Commands,
) -> Result<Vec<FileDescriptorProto>, String> {
    let package = files.first().map(|file| file.package().to_owned()).unwrap_or_default();
    if let Some(other) = files.iter().find(|file| file.package() != package) {
        return Err(format!("{} is of another package than the first file", other.name()));
    }
    let mut modules: BTreeMap<String, FileDescriptorProto> = BTreeMap::new();
    for file in &mut files {
        let mut kept = vec![];
        let info = std::mem::take(&mut file.source_code_info).unwrap_or_default().location;
        let (mut locations, messages) = (info.clone(), std::mem::take(&mut file.message_type));
        locations.retain(|location| !is_of_message(location, None));
        for (index, mut message) in (0..).zip(messages) {
            let (messages, locations) = match commands.messages.get(message.name()) {
                None => (&mut kept, &mut locations),
                Some(name) => {
                    message.name = Some(name.name.clone());
                    let module = modules.entry(name.module.clone()).or_insert_with(|| FileDescriptorProto {
                        name: Some(format!("{}.proto", name.module)),
                        package: Some(join(&package, &name.module)),
                        source_code_info: Some(SourceCodeInfo::default()),
                        ..file.clone()
                    });
                    module.enum_type.clear();
                    let info = module.source_code_info.get_or_insert_default();
                    (&mut module.message_type, &mut info.location)
                }
            };
            let moved = info.iter().filter(|location| is_of_message(location, Some(index)));
            let to = i32::try_from(messages.len()).unwrap_or(i32::MAX);
            locations.extend(moved.cloned().map(|location| moved_to(location, to)));
            messages.push(message);
        }
        file.message_type = kept;
        file.source_code_info = Some(SourceCodeInfo { location: locations });
    }
    files.extend(modules.into_values());
    let names = |of: &str| renamed(of, &package, commands);
    for message in files.iter_mut().flat_map(|file| &mut file.message_type) {
        rename_types(message, &names);
    }
    Ok(files)
}

fn join(package: &str, module: &str) -> String {
    if package.is_empty() { module.to_owned() } else { format!("{package}.{module}") }
}

/// Whether a location is within a message of a file: that message, or any.
fn is_of_message(location: &Location, index: Option<i32>) -> bool {
    matches!(location.path[..], [MESSAGES, of, ..] if index.is_none_or(|index| index == of))
}

/// The location of the message that has become number `to`, without the lines about commands.
fn moved_to(mut location: Location, to: i32) -> Location {
    if let Some(index) = location.path.get_mut(1) {
        *index = to;
    }
    if let Some(comment) = &mut location.leading_comments {
        let lines = comment.lines().filter(|line| !is_command(line));
        *comment = lines.flat_map(|line| [line, "\n"]).collect();
    }
    location
}

/// The full name of a type, after its message may have moved.
fn renamed(of: &str, package: &str, commands: &Commands) -> Option<String> {
    let local = of.strip_prefix('.')?.strip_prefix(package)?;
    let local = if package.is_empty() { local } else { local.strip_prefix('.')? };
    let (message, rest) = local.find('.').map_or((local, ""), |dot| local.split_at(dot));
    let name = commands.messages.get(message)?;
    Some(format!(".{}.{}{rest}", join(package, &name.module), name.name))
}

fn rename_types(message: &mut DescriptorProto, names: &impl Fn(&str) -> Option<String>) {
    for field in &mut message.field {
        if let Some(name) = field.type_name.as_deref().and_then(names) {
            field.type_name = Some(name);
        }
    }
    message.nested_type.iter_mut().for_each(|nested| rename_types(nested, names));
}
