//! Writes the Rust code of the messages in proto files, or checks that it is up to date. For tools in other
//! languages it writes the files' descriptors instead.

mod code;
mod commands;
mod modules;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use commands::Commands;

const USAGE: &str = "usage: generate [--check | --descriptors] PROTO_FILE… RUST_FILE";

fn main() -> Result<(), Box<dyn Error>> {
    let (options, files): (Vec<_>, Vec<_>) = env::args().skip(1).partition(|word| word.starts_with("--"));
    let files: Vec<_> = files.into_iter().map(PathBuf::from).collect();
    let checks = match options.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--check"] => true,
        ["--descriptors"] => return write_descriptors(&files),
        _ => return Err(USAGE.into()),
    };
    let Some((target, sources @ [_, ..])) = files.split_last() else { return Err(USAGE.into()) };
    let code = generate(sources)?;
    if !checks {
        fs::write(target, code)?;
    } else if fs::read_to_string(target)? != code {
        return Err(format!("{} is not what the proto files say", target.display()).into());
    }
    Ok(())
}

/// Writes the `FileDescriptorSet` of proto files, with their comments, to the last of these files. It is what
/// `protoc --include_imports --include_source_info --descriptor_set_out` writes.
fn write_descriptors(files: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let Some((target, sources @ [_, ..])) = files.split_last() else { return Err(USAGE.into()) };
    let folders = sources.iter().filter_map(|source| source.parent());
    let mut compiler = protox::Compiler::new(folders)?;
    compiler.include_imports(true).include_source_info(true).open_files(sources)?;
    fs::write(target, compiler.encode_file_descriptor_set())?;
    Ok(())
}

/// The Rust code of the messages in these files, which are of one package.
fn generate(sources: &[PathBuf]) -> Result<String, Box<dyn Error>> {
    let mut commands = Commands::default();
    let (mut folders, mut names) = (vec![], vec![]);
    for source in sources {
        let name = source.file_name().ok_or(USAGE)?.to_string_lossy().into_owned();
        commands.read(&name, &fs::read_to_string(source)?)?;
        let folder = source.parent().filter(|folder| !folder.as_os_str().is_empty());
        folders.push(folder.unwrap_or(Path::new(".")).to_owned());
        names.push(name);
    }
    let mut files = protox::compile(&names, folders)?.file;
    // Those of Google are in the crate prost-types.
    files.retain(|file| file.package() != "google.protobuf");
    let files = modules::split(files, &commands)?;
    let mut config = prost_build::Config::new();
    let requests =
        files.into_iter().map(|file| (prost_build::Module::from_protobuf_package_name(file.package()), file));
    let generated = config.generate(requests.collect())?;
    Ok(code::assemble(&names, generated, &commands))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedders_file_gets_modules_constants_and_names() -> Result<(), Box<dyn Error>> {
        let folder = env::temp_dir().join(format!("generate-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let source = folder.join("legs.proto");
        let proto = "syntax = \"proto3\";\npackage game;\n// Where.\nmessage Place { uint32 x = 1; }\n\
            // cmd 2003 legs.Rest\n\n// Walks.\n// cmd 2001 legs.Walk\nmessage w { repeated Place to = 1; }\n\
            // cmd 2001 legs.Walked\nmessage d { w of = 1; Place at = 2; }\n";
        fs::write(&source, proto)?;
        let code = generate(&[source])?;
        fs::remove_dir_all(folder)?;
        for part in [
            "pub struct Place {",
            "\npub mod legs {\n",
            "    pub const WALK: u16 = 2001;\n",
            "    pub const REST: u16 = 2003;\n",
            "    /// Walks.\n    #[derive(",
            "    pub struct Walk {\n",
            "pub to: ::prost::alloc::vec::Vec<super::Place>",
            "    pub struct Walked {\n",
            "pub of: ::core::option::Option<Walk>",
            "pub const NAME: &'static str = \"legs.Walked\";",
        ] {
            assert!(code.contains(part), "{part}\n{code}");
        }
        assert!(!code.contains("cmd 2001"), "{code}");
        Ok(())
    }
}
