//! The store: a thread that keeps the roles of all players in a file.

use std::{collections::BTreeMap, fs, io, path::PathBuf, sync::mpsc::Receiver};

use prost::Message as _;

use super::messages::{Role, World};

/// Work for the store, done in the order in which it is sent.
pub(crate) enum Job {
    /// Calls a function with a role, unless it is new.
    Load(u64, Box<dyn FnOnce(Option<Role>) + Send>),
    /// Keeps roles as they are now.
    Save(Vec<Role>),
}

/// Does jobs until all senders are gone.
pub(crate) fn run(directory: PathBuf, jobs: Receiver<Job>) -> io::Result<()> {
    let (path, new) = (directory.join("roles"), directory.join("roles.new"));
    let bytes = if path.exists() { fs::read(&path)? } else { vec![] };
    let world = World::decode(&*bytes).map_err(io::Error::other)?;
    let mut roles: BTreeMap<_, _> = world.roles.into_iter().map(|role| (role.role_id, role)).collect();
    for job in jobs {
        match job {
            Job::Load(role_id, then) => then(roles.get(&role_id).copied()),
            Job::Save(changed) => {
                roles.extend(changed.into_iter().map(|role| (role.role_id, role)));
                fs::write(&new, World { roles: roles.values().copied().collect() }.encode_to_vec())?;
                // A reader finds the old file or the new one, whenever the server ends.
                fs::rename(&new, &path)?;
            }
        }
    }
    Ok(())
}
