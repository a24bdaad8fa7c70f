//! The servers in the comparison.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::loads::{Load, LoadKind};
use crate::mode::Mode;
use crate::options::Options;
use crate::peers::PEERS;
use crate::tls::Certificate;
use crate::wire::Dialect;

/// The limits of sysconn that are switched off, so that one address can produce any load.
const NO_LIMITS: [&str; 6] =
    ["--listen", "127.0.0.1:0", "--max-connections-per-ip", "0", "--max-packets-per-second", "0"];

/// A server that can be started.
pub struct Contestant {
    pub name: String,
    pub dialect: Dialect,
    program: Program,
    variant: Variant,
}

enum Program {
    /// One of the peers, which this program runs.
    Peer(&'static [Mode]),
    /// `serve` or `echo`.
    Sysconn(PathBuf, &'static str),
    /// A command line for a shell.
    External(String),
}

/// What a server has of its own, which matters in some loads only.
#[derive(Clone, Copy, PartialEq)]
enum Variant {
    Standard,
    /// It polls without sleeping.
    Spins,
    /// It has an admin address, and so metrics.
    Admin,
    Workers(u8),
    /// It does not compress where others do.
    Uncompressed,
}

impl Contestant {
    /// A server that does no more than it must, with which the others are compared.
    pub fn is_bare(&self) -> bool {
        self.dialect.is_bare()
    }

    pub fn is_external(&self) -> bool {
        matches!(self.program, Program::External(_))
    }

    /// How it runs under a load.
    pub fn mode(&self, load: &Load) -> Mode {
        if self.variant == Variant::Uncompressed { Mode::Plain } else { load.mode }
    }

    pub fn takes_part_in(&self, load: &Load) -> bool {
        let runs = match &self.program {
            Program::Peer(modes) => modes.contains(&load.mode) && (self.is_bare() || !is_for_few(load.kind)),
            Program::Sysconn(_, "serve") => matches!(load.mode, Mode::Plain | Mode::Push),
            Program::Sysconn(..) => load.mode != Mode::Push,
            Program::External(command) => load.mode == Mode::Plain || command.contains("{mode}"),
        };
        let suits = match (self.variant, load.kind) {
            (Variant::Standard, kind) => !matches!(kind, LoadKind::Workers { .. }),
            (Variant::Spins, LoadKind::Open { .. }) => true,
            (Variant::Admin, LoadKind::Closed { .. }) => ["small", "pipelined"].contains(&load.name),
            (Variant::Admin, kind) => matches!(kind, LoadKind::Instructions { .. } | LoadKind::Mixed),
            (Variant::Workers(_), LoadKind::Workers { .. }) => true,
            (Variant::Uncompressed, _) => load.mode.compresses(),
            _ => false,
        };
        runs && suits
    }

    /// Its command line under a load.
    pub fn command(&self, load: &Load, certificate: &Certificate) -> Result<Vec<String>> {
        let mode = self.mode(load);
        let (path, key) = (text(&certificate.path()), text(&certificate.key_path()));
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        Ok(match &self.program {
            Program::Peer(_) => {
                let tls = if mode == Mode::Tls { vec![path, key] } else { vec![] };
                [vec![text(&env::current_exe()?)], words(&["server", &self.name]), tls].concat()
            }
            Program::Sysconn(program, kind) => {
                let more = match mode {
                    Mode::Tls => words(&["--tls-cert", &path, "--tls-key", &key]),
                    Mode::Shared | Mode::Dedicated => words(&["--deflate", mode.name()]),
                    Mode::Plain | Mode::Push => vec![],
                };
                [vec![text(program)], words(&[kind]), words(&NO_LIMITS), more, self.variant.options()]
                    .concat()
            }
            Program::External(command) => {
                let command = command.replace("{mode}", mode.name());
                let command = command.replace("{certificate}", &path).replace("{key}", &key);
                words(&["sh", "-c", &format!("exec {command}")])
            }
        })
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Loads in which libraries do not take part, to save time.
fn is_for_few(kind: LoadKind) -> bool {
    matches!(kind, LoadKind::Tail { .. })
}

impl Variant {
    fn suffix(self) -> String {
        match self {
            Variant::Standard => String::new(),
            Variant::Spins => "+spin".into(),
            Variant::Admin => "+admin".into(),
            Variant::Workers(count) => format!(", {count} worker{}", if count > 1 { "s" } else { "" }),
            Variant::Uncompressed => ", not compressed".into(),
        }
    }

    fn options(self) -> Vec<String> {
        let workers;
        let options: &[&str] = match self {
            Variant::Standard | Variant::Uncompressed => &[],
            Variant::Spins => &["--spin", "50us"],
            Variant::Admin => &["--admin", "127.0.0.1:0"],
            Variant::Workers(count) => {
                workers = count.to_string();
                &["--workers", &workers]
            }
        };
        options.iter().map(|option| (*option).to_owned()).collect()
    }
}

/// All of them, the bare ones first.
pub fn contestants(options: &Options) -> Result<Vec<Contestant>> {
    let mut all = vec![];
    for (name, dialect, modes) in PEERS {
        let program = Program::Peer(modes);
        all.push(Contestant { name: name.into(), dialect, program, variant: Variant::Standard });
    }
    let mut programs = options.programs();
    if programs.is_empty() {
        programs.push((String::new(), build()?));
    }
    for (prefix, path) in programs {
        all.extend(variants(&prefix, &path));
    }
    for external in &options.external {
        let (name, command) = external.split_once('=').ok_or("--external takes NAME=COMMAND")?;
        let program = Program::External(command.into());
        let (name, dialect) = (name.into(), Dialect::WebSocket);
        all.push(Contestant { name, dialect, program, variant: Variant::Standard });
    }
    for wanted in &options.servers {
        if !all.iter().any(|contestant| is(contestant, wanted)) {
            return Err(format!("there is no server {wanted}").into());
        }
    }
    let wanted = |contestant: &Contestant| options.servers.iter().any(|wanted| is(contestant, wanted));
    all.retain(|contestant| contestant.is_bare() || options.servers.is_empty() || wanted(contestant));
    Ok(all)
}

/// `serve` selects that server of every program; `before/serve` that of one.
fn is(contestant: &Contestant, wanted: &str) -> bool {
    let name = contestant.name.split(',').next().unwrap_or_default();
    name == wanted || name.split_once('/').is_some_and(|(_, mode)| mode == wanted)
}

fn variants(prefix: &str, path: &Path) -> Vec<Contestant> {
    let serve = [Variant::Standard, Variant::Spins, Variant::Admin, Variant::Workers(1), Variant::Workers(2)];
    let echo = [Variant::Uncompressed, Variant::Standard, Variant::Spins];
    let mut all = vec![];
    for (mode, dialect, variants) in
        [("serve", Dialect::Packets, &serve[..]), ("echo", Dialect::WebSocket, &echo[..])]
    {
        for &variant in variants {
            let name = format!("{prefix}{mode}{}", variant.suffix());
            all.push(Contestant { name, dialect, program: Program::Sysconn(path.into(), mode), variant });
        }
    }
    all
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
