//! The servers that are compared.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::loads::{Load, LoadKind};
use crate::options::Options;
use crate::peers;
use crate::wire::Dialect;

/// What of sysconn must be switched off, so that a load from one address can be as large as it likes.
const NO_LIMITS: [&str; 6] =
    ["--listen", "127.0.0.1:0", "--max-connections-per-ip", "0", "--max-packets-per-second", "0"];
const SPIN: &str = "50us";

/// A server that can be started.
pub struct Contestant {
    pub name: String,
    pub command: Vec<String>,
    pub dialect: Dialect,
    /// Polls without sleeping: it takes part where that is what counts.
    spins: bool,
}

impl Contestant {
    pub fn is_base(&self) -> bool {
        self.dialect.is_bare()
    }

    pub fn takes_part_in(&self, load: &Load) -> bool {
        match load.kind {
            LoadKind::Push => matches!(self.dialect, Dialect::BarePush | Dialect::Packets) && !self.spins,
            LoadKind::Open { .. } => self.dialect != Dialect::BarePush,
            _ => self.dialect != Dialect::BarePush && !self.spins,
        }
    }
}

/// All of them, the bare echo first.
pub fn contestants(options: &Options) -> Result<Vec<Contestant>> {
    let own = env::current_exe()?.to_string_lossy().into_owned();
    let mut all = vec![];
    for (name, dialect) in peers::PEERS {
        let command = vec![own.clone(), "server".into(), name.into()];
        all.push(Contestant { name: name.into(), command, dialect, spins: false });
    }
    let mut programs = options.programs();
    if programs.is_empty() {
        programs.push((String::new(), build()?));
    }
    for (prefix, path) in programs {
        all.extend(modes(&prefix, &path));
    }
    for external in &options.external {
        let (name, command) = external.split_once('=').ok_or("--external takes NAME=COMMAND")?;
        let command = vec!["sh".into(), "-c".into(), format!("exec {command}")];
        all.push(Contestant { name: name.into(), command, dialect: Dialect::WebSocket, spins: false });
    }
    for wanted in &options.servers {
        if !all.iter().any(|contestant| is(contestant, wanted)) {
            return Err(format!("there is no server {wanted}").into());
        }
    }
    let wanted = |contestant: &Contestant| options.servers.iter().any(|wanted| is(contestant, wanted));
    all.retain(|contestant| contestant.is_base() || options.servers.is_empty() || wanted(contestant));
    Ok(all)
}

/// `serve` is every program's; `before/serve` that of one.
fn is(contestant: &Contestant, wanted: &str) -> bool {
    contestant.name == wanted || contestant.name.split_once('/').is_some_and(|(_, mode)| mode == wanted)
}

fn modes(prefix: &str, path: &Path) -> Vec<Contestant> {
    let mut modes = vec![];
    for (mode, dialect) in [("serve", Dialect::Packets), ("echo", Dialect::WebSocket)] {
        for spins in [false, true] {
            let mut command = vec![path.to_string_lossy().into_owned(), mode.into()];
            command.extend(NO_LIMITS.map(String::from));
            if spins {
                command.extend(["--spin".into(), SPIN.into()]);
            }
            let name = format!("{prefix}{mode}{}", if spins { "+spin" } else { "" });
            modes.push(Contestant { name, command, dialect, spins });
        }
    }
    modes
}

/// Builds sysconn as its users do.
fn build() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let manifest = root.join("Cargo.toml");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--locked", "--release", "--manifest-path"]).arg(manifest);
    if !cargo.status()?.success() {
        return Err("sysconn does not build".into());
    }
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("release/sysconn"))
}
