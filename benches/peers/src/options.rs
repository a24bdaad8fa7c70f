//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::loads::Load;

/// The same load against sysconn, a bare TCP echo and other WebSocket servers.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    pub server: Option<ServerCommand>,
    /// Only these loads, or groups of loads: plain, game, tls, messages
    #[arg(long, value_name = "LOAD", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Only these servers, and the bare echo
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub servers: Vec<String>,
    /// Slices of each server in each load
    #[arg(long, default_value_t = 9)]
    pub rounds: usize,
    /// Milliseconds of each slice
    #[arg(long, default_value_t = 400)]
    pub slice: u64,
    /// About a third of the time: 3 rounds, and slices of 300 ms
    #[arg(long, conflicts_with_all = ["rounds", "slice"])]
    pub quick: bool,
    /// A sysconn program, or several by NAME=PATH; without it, the release build, which is made first
    #[arg(long, value_name = "[NAME=]PATH")]
    pub sysconn: Vec<String>,
    /// Another WebSocket echo, by a command line that prints `listening on ADDR:PORT`, or in which {port}
    /// stands for the port to listen on; with {mode}, {certificate} and {key} it takes part in all loads
    #[arg(long, value_name = "NAME=COMMAND")]
    pub external: Vec<String>,
    /// Print tables in Markdown
    #[arg(long)]
    pub markdown: bool,
}

#[derive(Subcommand)]
pub enum ServerCommand {
    /// Run one of the other servers, over TLS with a certificate and its key
    Server { name: String, certificate: Option<PathBuf>, key: Option<PathBuf> },
}

impl Options {
    pub fn slice(&self) -> Duration {
        Duration::from_millis(if self.quick { 300 } else { self.slice })
    }

    pub fn rounds(&self) -> usize {
        if self.quick { 3 } else { self.rounds }
    }

    /// Whether a load was asked for.
    pub fn runs(&self, load: &Load) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == load.name || name == load.group)
    }

    /// The programs to measure, each with what its names begin with.
    pub fn programs(&self) -> Vec<(String, PathBuf)> {
        let split = |text: &String| match text.split_once('=') {
            Some((name, path)) => (format!("{name}/"), path.into()),
            None => (String::new(), text.into()),
        };
        self.sysconn.iter().map(split).collect()
    }
}
