//! The measurements of a load: rounds of short slices, one of each server. A server that fails is left out,
//! and the others go on.

use std::sync::Arc;

use rustls::ClientConfig;

use crate::Result;
use crate::client::{Idle, Target, idle};
use crate::compressed::CodecAlone;
use crate::contestants::Contestant;
use crate::instructions::{can_count, instructions};
use crate::loads::{Load, LoadKind};
use crate::mode::Mode;
use crate::report::{Figures, Row};
use crate::server::{Cores, Server};
use crate::tls::{Certificate, client_config};

/// Memory and counts hardly vary: more rounds would show the same.
const MEMORY_ROUNDS: usize = 3;

/// What all loads have in common.
pub struct Run {
    pub rounds: usize,
    pub slice: std::time::Duration,
    pub certificate: Certificate,
    tls: Arc<ClientConfig>,
    /// What has gone wrong so far.
    pub failures: usize,
}

impl Run {
    pub fn new(rounds: usize, slice: std::time::Duration) -> Result<Run> {
        Ok(Run { rounds, slice, certificate: Certificate::new()?, tls: client_config()?, failures: 0 })
    }

    /// Reports a failure, and goes on.
    fn keep<T>(&mut self, load: &Load, name: &str, result: Result<T>) -> Option<T> {
        result
            .map_err(|error| {
                eprintln!("peers: {}, {name}: {error}", load.name);
                self.failures += 1;
            })
            .ok()
    }

    fn start(&self, load: &Load, contestant: &Contestant) -> Result<Target> {
        let cores = match load.kind {
            LoadKind::Workers { .. } => Cores::Both,
            _ => Cores::OneEach,
        };
        let server = Server::start(&contestant.command(load, &self.certificate)?, cores)?;
        let mode = contestant.mode(load);
        let tls = (mode == Mode::Tls).then(|| Arc::clone(&self.tls));
        let target = Target { server, dialect: contestant.dialect, mode, tls };
        load.verify(&target)?;
        Ok(target)
    }

    /// All rounds of one load. The servers run for the whole load, and are idle during the slices of others.
    pub fn rounds(&mut self, load: &Load, contestants: &[&Contestant], maximum: f64) -> Vec<Row> {
        let mut rows = vec![];
        let mut targets = vec![];
        for contestant in contestants {
            let target = self.start(load, contestant);
            targets.push(self.keep(load, &contestant.name, target));
            rows.push(Row { name: contestant.name.clone(), rounds: vec![], resident_bytes: f64::NAN });
        }
        let mut codec = codec(load);
        let mut limit = vec![];
        let mut order: Vec<usize> = (0..targets.len()).collect();
        for _ in 0..self.rounds {
            fastrand::shuffle(&mut order);
            for &index in &order {
                let sample = targets[index].as_ref().map(|target| load.slice(target, maximum, self.slice));
                let sample = sample.and_then(|sample| self.keep(load, &rows[index].name, sample));
                if sample.is_none() {
                    targets[index] = None;
                }
                rows[index].rounds.push(sample.as_ref().map_or(Figures::NONE, Figures::from));
            }
            if let Some(codec) = &mut codec {
                let alone = codec.slice(self.slice / 2);
                let alone = self.keep(load, "the codec alone", alone).unwrap_or(f64::NAN);
                let echo = rows.first().and_then(|row| row.rounds.last()).map_or(f64::NAN, |echo| echo.cpu);
                limit.push(Figures { cpu: alone + echo, ..Figures::NONE });
            }
        }
        for (row, target) in rows.iter_mut().zip(&targets) {
            let bytes = target.as_ref().and_then(|target| target.server.resident_bytes().ok());
            row.resident_bytes = bytes.map_or(f64::NAN, |bytes| bytes as f64);
        }
        if codec.is_some() {
            let name = "limit: that and the codec".to_owned();
            rows.insert(0, Row { name, rounds: limit, resident_bytes: f64::NAN });
        }
        rows.retain(|row| row.rounds.iter().any(|figures| figures.cpu.is_finite()));
        rows
    }

    /// Rounds in which each server is started anew. The gateway takes part a second time, with clients that
    /// log in.
    pub fn memory(&mut self, load: &Load, contestants: &[&Contestant]) -> Vec<(String, Vec<Idle>)> {
        let mut rows = vec![];
        for contestant in contestants {
            for logged_in in [false, true] {
                if logged_in && contestant.dialect != crate::wire::Dialect::Packets {
                    continue;
                }
                let name = format!("{}{}", contestant.name, if logged_in { ", logged in" } else { "" });
                let mut figures = vec![];
                for _ in 0..self.rounds.min(MEMORY_ROUNDS) {
                    let bytes = self.start(load, contestant).and_then(|target| {
                        let exchange = load.exchange(target.dialect, target.mode);
                        idle(&target, &exchange, load.clients, logged_in)
                    });
                    figures.extend(self.keep(load, &name, bytes));
                }
                rows.push((name, figures));
            }
        }
        rows
    }

    /// Instructions of each server for a message.
    pub fn instructions(
        &mut self,
        load: &Load,
        contestants: &[&Contestant],
        depth: usize,
    ) -> Vec<(String, f64)> {
        if !can_count() {
            let _ = self.keep::<()>(load, "all", Err("valgrind is not installed".into()));
            return vec![];
        }
        let mut rows = vec![];
        for contestant in contestants {
            let count = instructions(load, contestant, depth, &self.certificate);
            rows.extend(
                self.keep(load, &contestant.name, count).map(|count| (contestant.name.clone(), count)),
            );
        }
        rows
    }
}

/// What is measured beside the servers where they compress.
fn codec(load: &Load) -> Option<CodecAlone> {
    let states = matches!(load.kind, LoadKind::States { .. });
    states.then(|| CodecAlone::new(load.size, load.clients, load.mode == Mode::Dedicated))
}
