//! Writes the Rust code of the messages in `proto/sysconn.proto`, or checks that it is up to date.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

/// What the generated file begins with.
const HEADING: &str = "// Made from proto/sysconn.proto by proto/generate; changes here are lost.\n\n";

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = root.join("gateway/src/messages/generated.rs");
    let code = generate(&root.join("proto"))?;
    match env::args().nth(1).as_deref() {
        None => fs::write(target, code)?,
        Some("--check") if fs::read_to_string(&target)? == code => {}
        Some("--check") => return Err("the messages are not what proto/sysconn.proto says".into()),
        Some(other) => return Err(format!("there is no option {other}").into()),
    }
    Ok(())
}

fn generate(folder: &Path) -> Result<String, Box<dyn Error>> {
    let descriptors = protox::compile(["sysconn.proto"], [folder])?;
    let mut config = prost_build::Config::new();
    let requests = descriptors.file.into_iter().map(|file| {
        let module = prost_build::Module::from_protobuf_package_name(file.package());
        (module, file)
    });
    let mut code = String::from(HEADING);
    for generated in config.generate(requests.collect())?.into_values() {
        code.push_str(&generated);
    }
    Ok(code)
}
