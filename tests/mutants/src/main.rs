//! Makes every small mistake that cargo-mutants knows of, and says which of them no test notices. See
//! README.md.

mod apart;
mod build;
mod functions;
mod listed;
mod named;
mod options;
mod outcomes;
mod report;
mod switched;
mod together;
mod tree;
mod trial;

use std::fs;
use std::path::Path;

use listed::Mutant;
use options::Options;
use outcomes::Outcomes;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() {
    match Options::parse().map_err(Into::into).and_then(|options| run(&options)) {
        Ok(is_enough) => std::process::exit(i32::from(!is_enough)),
        Err(error) => {
            eprintln!("mutants: {error}");
            std::process::exit(2);
        }
    }
}

/// Returns whether all named mistakes were found; or whether enough mistakes were noticed, and the others are
/// explained.
fn run(options: &Options) -> Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => std::path::absolute(directory)?,
        None => root.join("target"),
    };
    if options.is_named {
        return named::run(&root, &target);
    }
    let output = target.join("mutants");
    fs::create_dir_all(&output)?;
    let mutants = listed::list(&root, options.only.as_deref())?;
    let mut outcomes = Outcomes::open(&output.join("outcomes"), options.goes_on)?;
    let open: Vec<&Mutant> = mutants.iter().filter(|mutant| outcomes.get(mutant).is_none()).collect();
    println!("{} mistakes, of which {} are to be tried", mutants.len(), open.len());
    let apart = together::run(&root, &output, &open, &mut outcomes)?;
    println!("{} can't be switched, and are built one by one", apart.len());
    apart::run(&root, &output, &apart, &mut outcomes)?;
    let known: Vec<_> = mutants.iter().filter_map(|it| Some((it, outcomes.get(it)?))).collect();
    // Within a table of Markdown `|` is written like this.
    let explained = fs::read_to_string(root.join("docs/mutants.md"))?.replace("\\|", "|");
    Ok(report::print(&known, &explained))
}
