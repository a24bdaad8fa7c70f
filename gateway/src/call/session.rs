//! A connection for calls: their replies and pushes are printed as they come.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use prost::Message;
use rustls::RootCertStore;
use sysconn::client::{ClientError, Packet};
use sysconn::packet::ErrorId;

use super::catalogue::{Catalogue, Command};
use super::data::{Form, show};
use crate::client::{AnyClient, connect};
use crate::messages::account;
use crate::options::CallTask;

/// How often a heartbeat is sent while pushes are awaited.
const HEARTBEAT: Duration = Duration::from_secs(25);
/// The longest wait for the server's Close.
const CLOSE_WAIT: Duration = Duration::from_secs(1);
/// The shortest wait that a socket takes.
const SHORTEST: Duration = Duration::from_millis(1);

/// Why a session goes no further.
#[derive(Debug)]
pub(super) enum Stop {
    Client(ClientError),
    /// The output cannot be written.
    Output(io::Error),
}

impl From<ClientError> for Stop {
    fn from(error: ClientError) -> Self {
        Stop::Client(error)
    }
}

/// A connection to a server.
pub(super) struct Session<'a> {
    client: AnyClient,
    /// The socket below it, for its time-outs.
    tcp: TcpStream,
    catalogue: &'a Catalogue,
    form: Form,
    timeout: Duration,
    /// Print pushes.
    listens: bool,
}

impl<'a> Session<'a> {
    pub(super) fn connect(
        task: &CallTask,
        roots: Option<RootCertStore>,
        catalogue: &'a Catalogue,
        form: Form,
    ) -> Result<Self, ClientError> {
        let mut socket = None;
        let client = connect(&task.url, &task.offer, roots, task.timeout.max(SHORTEST), |tcp| {
            socket = Some(tcp.try_clone()?);
            Ok(())
        })?;
        let tcp = socket.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        Ok(Session { client, tcp, catalogue, form, timeout: task.timeout, listens: task.listen })
    }

    /// Sends a message, and drops its reply.
    pub(super) fn ask(&mut self, cmd: u16, message: &impl Message) -> Result<(), Stop> {
        self.call(cmd, &message.encode_to_vec()).map(drop)
    }

    /// Calls a command so often, and prints each reply. After several calls their times are told.
    pub(super) fn repeat(&mut self, command: &Command, data: &[u8], times: u32) -> Result<(), Stop> {
        let mut took = Vec::new();
        for _ in 0..times {
            let began = now();
            let reply = self.call(command.cmd, data)?;
            took.push(began.elapsed());
            print(&show(&reply.data, command, self.form))?;
        }
        took.sort_unstable();
        if let ([first, .., last], Some(median)) = (&took[..], took.get(took.len() / 2)) {
            // It may be closed.
            let _ = writeln!(
                io::stderr(),
                "{times} replies: {first:?} at least, {median:?} median, {last:?} at most"
            );
        }
        Ok(())
    }

    /// Prints pushes until the connection ends. Heartbeats keep it open.
    pub(super) fn listen(&mut self) -> Result<(), Stop> {
        let mut last_sent = now();
        loop {
            self.print_pushes()?;
            let left = HEARTBEAT.saturating_sub(last_sent.elapsed());
            if left.is_zero() {
                self.allow(self.timeout)?;
                self.client.post(account::SERVER_TIME, b"")?;
                last_sent = now();
            }
            self.receive(left)?;
        }
    }

    /// Closes the connection with 1000.
    pub(super) fn close(mut self) {
        // A server that did not answer a call may hang.
        let _ = self.allow(self.timeout.min(CLOSE_WAIT));
        self.client.close();
    }

    fn call(&mut self, cmd: u16, data: &[u8]) -> Result<Packet, Stop> {
        self.allow(self.timeout)?;
        let flag = self.client.request(cmd, data)?;
        let began = now();
        let reply = loop {
            self.print_pushes()?;
            if let Some(reply) = self.client.try_reply(flag) {
                break reply;
            }
            let left = self.timeout.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(ClientError::TimedOut.into());
            }
            self.receive(left)?;
        };
        self.client.forget(flag);
        match reply.error_id {
            ErrorId::NONE => Ok(reply),
            error_id => Err(ClientError::Refused(error_id).into()),
        }
    }

    /// Sets what the next packet may take, in either direction.
    fn allow(&mut self, wait: Duration) -> Result<(), ClientError> {
        let wait = wait.max(SHORTEST);
        self.tcp.set_read_timeout(Some(wait))?;
        self.client.set_longest_wait(Some(wait));
        Ok(())
    }

    /// Waits for one packet, or for the time to pass.
    fn receive(&mut self, wait: Duration) -> Result<(), ClientError> {
        self.allow(wait)?;
        match self.client.receive() {
            Err(ClientError::TimedOut) => Ok(()),
            received => received,
        }
    }

    fn print_pushes(&mut self) -> Result<(), Stop> {
        while let Some(push) = self.client.try_push() {
            if self.listens {
                let command = self.catalogue.numbered(push.cmd);
                print(format!("push {} {}", push.cmd, show(&push.data, &command, self.form)).trim_end())?;
            }
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "a client has no reactor whose clock it could read")]
fn now() -> Instant {
    Instant::now()
}

fn print(line: &str) -> Result<(), Stop> {
    let mut out = io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Stop::Output)
}
