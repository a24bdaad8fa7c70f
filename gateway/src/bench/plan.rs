//! What a run does: the arguments, checked against files, names and the command's messages.

use std::net::{SocketAddr, ToSocketAddrs as _};

use rustls::pki_types::ServerName;
use sysconn::client::{Offer, Url};
use sysconn::config::MAX_LEN;

use super::clock::nanos;
use super::template::{NO_PERIOD, PERIOD, Template};
use super::transport::Tls;
use crate::call::catalogue::Catalogue;
use crate::call::data::encode;
use crate::client::{read_roots, tls_config};
use crate::messages::{echo, room};

use crate::options::{BenchTask, CallData, of_option, shown};

/// The most requests in flight on one connection of an open loop. Those that are due beyond it wait, as a
/// number, and count from when they were due.
const OPEN_PIPELINE: usize = 1024;
/// By how much a message from the server may be longer than a request.
const MORE_BYTES: usize = 1024;

/// What is sent, and what should come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Plain messages, which come back.
    Echo,
    /// Packets of a command.
    Call {
        cmd: u16,
        /// The reply has the Data of its request.
        echoes: bool,
        replies: u32,
    },
    /// Texts that are said in rooms.
    Rooms { members: usize },
}

impl Kind {
    /// Replies to each request.
    pub(super) fn replies(self) -> u32 {
        if let Kind::Call { replies, .. } = self { replies } else { 1 }
    }

    /// Whether the one reply to a request has the same content.
    pub(super) fn is_echoed(self) -> bool {
        matches!(self, Kind::Echo | Kind::Call { echoes: true, replies: 1, .. })
    }
}

/// What a run does. Times are in nanoseconds.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) url: Url,
    pub(super) offer: Offer,
    pub(super) tls: Option<Tls>,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) kind: Kind,
    /// What the names of rooms begin with.
    pub(super) room_prefix: String,
    /// Bytes of a text that is said, or else of each request's content.
    pub(super) size: usize,
    /// The most requests in flight on one connection.
    pub(super) pipeline: usize,
    /// Requests a second; `None`: a closed loop.
    pub(super) rate: Option<f64>,
    /// The requests after which another connection takes the place of one.
    pub(super) churn: Option<u32>,
    /// Such a connection ends without a Close frame.
    pub(super) without_close: bool,
    pub(super) deflate: bool,
    pub(super) logs_in: bool,
    pub(super) connections: usize,
    pub(super) idle: usize,
    pub(super) ramp: u64,
    pub(super) warmup: u64,
    pub(super) duration: u64,
    pub(super) timeout: u64,
    /// The longest message that is accepted.
    pub(super) max_len: usize,
}

impl Plan {
    /// The plan, and what its requests are made of.
    ///
    /// # Errors
    /// One line that says which argument cannot be used.
    pub(super) fn new(task: &BenchTask) -> Result<(Self, Template), String> {
        let room_prefix = format!("bench-{}-", std::process::id());
        let (kind, template) = content(task, &room_prefix)?;
        let plan = Plan {
            tls: tls(task)?,
            addresses: resolve(&task.url)?,
            url: task.url.clone(),
            offer: task.offer.clone(),
            kind,
            room_prefix,
            size: if matches!(kind, Kind::Rooms { .. }) { task.size } else { template.content_len() },
            pipeline: task.pipeline.unwrap_or(if task.rate.is_some() { OPEN_PIPELINE } else { 1 }),
            rate: task.rate,
            churn: task.churn,
            without_close: task.without_close,
            deflate: task.deflate,
            logs_in: task.logs_in(),
            connections: task.connections,
            idle: task.idle,
            ramp: nanos(task.ramp),
            warmup: nanos(task.warmup),
            duration: nanos(task.duration),
            timeout: nanos(task.timeout),
            max_len: MAX_LEN.max(template.len().saturating_add(MORE_BYTES)),
        };
        Ok((plan, template))
    }

    /// The room of a connection.
    pub(super) fn room(&self, connection: usize) -> usize {
        match self.kind {
            Kind::Rooms { members } => connection / members.max(1),
            Kind::Echo | Kind::Call { .. } => 0,
        }
    }
}

/// What is sent.
fn content(task: &BenchTask, room_prefix: &str) -> Result<(Kind, Template), String> {
    let period = if task.deflate { NO_PERIOD } else { PERIOD };
    if task.echo {
        return Ok((Kind::Echo, Template::echo(task.size, period)));
    }
    if let Some(members) = task.fan_out {
        return Ok((Kind::Rooms { members }, Template::say(room_prefix, task.size)));
    }
    let command = Catalogue::load(None, None)?.command(&task.command)?;
    let echoes = command.cmd == echo::ECHO;
    let template = match &task.data {
        CallData::None if echoes || command.request.is_none() => {
            Template::pattern(command.cmd, task.size, period)
        }
        // No pattern is a message.
        CallData::None => Template::data(command.cmd, &[]),
        data => Template::data(command.cmd, &encode(data, &command, "")?),
    };
    Ok((Kind::Call { cmd: command.cmd, echoes, replies: task.replies }, template))
}

fn tls(task: &BenchTask) -> Result<Option<Tls>, String> {
    let roots = task.ca.as_deref().map(read_roots).transpose().map_err(of_option("ca"))?;
    if !task.url.is_tls {
        return Ok(None);
    }
    let name = ServerName::try_from(task.url.host.clone())
        .map_err(|_| format!("{}: expected a host name or an address", shown(&task.url.host)))?;
    let config = tls_config(roots).map_err(|error| format!("TLS: {error}"))?;
    Ok(Some(Tls { config: config.into(), name }))
}

/// The addresses of the server, of which the first that answers is used.
fn resolve(url: &Url) -> Result<Vec<SocketAddr>, String> {
    let addresses = (url.host.as_str(), url.port).to_socket_addrs();
    let addresses: Vec<_> = addresses.map_err(|error| format!("{}: {error}", shown(&url.host)))?.collect();
    if addresses.is_empty() {
        Err(format!("{}: the host has no address", shown(&url.host)))
    } else {
        Ok(addresses)
    }
}

/// The commands of rooms, which have to be those of the template.
const _: () = assert!(room::SAY == 1203 && room::JOIN == 1201 && room::SAID == 1210);
