//! A copy of the project, in which mistakes are made.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;

/// A directory with the files of the project.
#[derive(Debug)]
pub struct Tree {
    pub path: PathBuf,
}

impl Tree {
    /// Copies the current state of all files that git tracks, or that it does not ignore. A file that is
    /// there already and is the same stays untouched, so that it is not compiled again. `replaced` returns
    /// what to write instead of a file; `added` is a file that the project does not have.
    pub fn copy(
        root: &Path,
        path: PathBuf,
        added: Option<(&str, &str)>,
        mut replaced: impl FnMut(&str) -> Result<Option<String>>,
    ) -> Result<Tree> {
        let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let output = Command::new("git").current_dir(root).args(arguments).output()?;
        if !output.status.success() {
            return Err("git ls-files failed".into());
        }
        let tree = Tree { path };
        let mut kept = HashSet::new();
        for file in String::from_utf8(output.stdout)?.split_terminator('\0') {
            if root.join(file).is_file() {
                match replaced(file)? {
                    Some(text) => tree.write(file, text.as_bytes())?,
                    None => tree.write(file, &fs::read(root.join(file))?)?,
                }
                kept.insert(tree.path.join(file));
            }
        }
        if let Some((file, text)) = added {
            tree.write(file, text.as_bytes())?;
            kept.insert(tree.path.join(file));
        }
        // A source that is gone from the project must not be found by a test that looks at all of them.
        remove_others(&tree.path.join("src"), &kept)?;
        remove_others(&tree.path.join("tests"), &kept)?;
        Ok(tree)
    }

    /// Writes a file, unless it has this content already.
    fn write(&self, file: &str, content: &[u8]) -> Result<()> {
        let path = self.path.join(file);
        if fs::read(&path).is_ok_and(|written| written == content) {
            return Ok(());
        }
        fs::create_dir_all(path.parent().ok_or("a file in no directory")?)?;
        // The permissions are not copied: no test here depends on them.
        Ok(fs::write(path, content)?)
    }
}

fn remove_others(directory: &Path, kept: &HashSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, kept)?;
        } else if !kept.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
