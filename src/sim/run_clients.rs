//! The clients of a simulation in progress: they connect, act, receive, and leave.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::agenda::{Action, ClientKey};
use super::invariant::{Invariant, Violation};
use super::run::Run;
use super::script::Next;
use super::script_runner::ScriptRunner;
use super::session::{Session, Verdict};
use super::simulation::Simulated;
use crate::record::Peer;

/// Acts in a row of one script that take no time.
const MAX_ACTS: u32 = 10_000;
/// After how long a client that could not connect tries again.
const RETRY: Duration = Duration::from_millis(100);

impl<S: Simulated> Run<S> {
    /// Plans an action of a client on its present connection.
    pub(super) fn plan_action(&mut self, at: Duration, number: u32, action: Action) {
        let generation = self.clients.get(number as usize).map_or(0, |client| client.generation);
        self.agenda.plan(at, ClientKey { number, generation }, action);
    }

    /// Carries out the actions that are due.
    pub(super) fn work_off_agenda(&mut self) -> Result<(), Violation> {
        while let Some((key, action)) = self.agenda.take_due(self.now) {
            let Some(client) = self.client(key) else { continue };
            client.acts = 0;
            let number = key.number;
            match action {
                Action::Connect => self.connect(number)?,
                Action::Act => self.act(number)?,
                Action::Flush => {
                    let again = client.session.as_mut().and_then(Session::flush);
                    self.after_flush(number, again);
                    self.act_if_answered(number)?;
                }
            }
        }
        Ok(())
    }

    fn connect(&mut self, number: u32) -> Result<(), Violation> {
        let peer = self.peer(number);
        let Some(client) = self.clients.get_mut(number as usize) else { return Ok(()) };
        let Some(script) = client.script.take() else { return Ok(()) };
        let Ok(stream) = self.network.connect(peer) else {
            if self.incidents.drain.is_some() {
                // The server has closed its listeners.
                self.unfinished -= 1;
            } else {
                client.script = Some(script);
                self.plan_action(self.now + RETRY, number, Action::Connect);
            }
            return Ok(());
        };
        let random = client.random.fork();
        let runner = ScriptRunner::new(number, peer, self.now, random, self.flags.clone(), self.packets);
        self.report.connections += 1;
        client.generation += 1;
        let key = ClientKey { number, generation: client.generation };
        let index = stream.number() as usize;
        if self.owners.len() <= index {
            self.owners.resize(index + 1, ClientKey { number: u32::MAX, generation: 0 });
        }
        if let Some(owner) = self.owners.get_mut(index) {
            *owner = key;
        }
        self.connected.push(key);
        client.session = Some(Session::new(runner, script, stream, self.plan.config.timers.close));
        self.act(number)
    }

    /// An address that no other connection has, in groups that share one IP address.
    fn peer(&self, number: u32) -> Peer {
        let group_size = self.plan.clients_per_address.max(1);
        let [_, a, b, c] = (number / group_size).to_be_bytes();
        let generation = self.clients.get(number as usize).map_or(0, |client| client.generation);
        let port = 1024 + (number % group_size) * 64 + generation % 64;
        Peer::Ip(IpAddr::V4(Ipv4Addr::new(10, a, b, c)), port as u16)
    }

    fn act(&mut self, number: u32) -> Result<(), Violation> {
        let Some(client) = self.clients.get_mut(number as usize) else { return Ok(()) };
        let Some(session) = client.session.as_mut() else { return Ok(()) };
        client.acts += 1;
        if client.acts > MAX_ACTS {
            self.failed_client = Some(number);
            return Err(Violation::new(Invariant::Script, "the script acts without end and without waiting"));
        }
        let had_stopped = session.runner.has_stopped_receiving;
        let was_staying = matches!(session.next, Next::Stay(_));
        let again = session.act(self.now);
        let (next, receives_again) = (session.next, had_stopped && !session.runner.has_stopped_receiving);
        let stays = matches!(next, Next::Stay(_));
        match (was_staying, stays) {
            (false, true) => self.unfinished -= 1,
            (true, false) => self.unfinished += 1,
            (false, false) | (true, true) => {}
        }
        match next {
            Next::After(time) | Next::Stay(time) => self.plan_action(self.now + time, number, Action::Act),
            Next::Answered | Next::Rest | Next::Return(_) => {}
        }
        self.touched.push(number);
        self.after_flush(number, again);
        if receives_again {
            self.receive(number)?;
        }
        self.act_if_answered(number)
    }

    fn after_flush(&mut self, number: u32, again: Option<Duration>) {
        if let Some(wait) = again {
            self.plan_action(self.now + wait, number, Action::Flush);
        }
        if self.session(number).is_some_and(|session| session.is_over) {
            // The client has cut the connection off, or the network has.
            self.leave(number, Verdict { end: None, excused: false });
        }
    }

    fn act_if_answered(&mut self, number: u32) -> Result<(), Violation> {
        let session = self.session(number);
        if session.is_some_and(|session| session.next == Next::Answered && session.runner.is_answered()) {
            return self.act(number);
        }
        Ok(())
    }

    /// Lets clients receive until nothing more comes: receiving makes space for what is on its way.
    pub(super) fn take_news(&mut self) -> Result<(), Violation> {
        loop {
            let mut news = std::mem::take(&mut self.news);
            self.network.news(&mut news);
            if news.is_empty() {
                return Ok(());
            }
            for index in news.drain(..) {
                let Some(&key) = self.owners.get(index as usize) else { continue };
                let Some(client) = self.client(key) else { continue };
                client.acts = 0;
                self.receive(key.number)?;
                self.act_if_answered(key.number)?;
            }
            self.news = news;
        }
    }

    pub(super) fn receive(&mut self, number: u32) -> Result<(), Violation> {
        let client = self.clients.get_mut(number as usize);
        let Some(session) = client.and_then(|client| client.session.as_mut()) else { return Ok(()) };
        let (flags, trace) = (&self.flags, &mut self.report.trace);
        let verdict = session.receive(self.now, &self.incidents, trace, |flag| flags.borrow().owner(flag));
        let verdict = verdict.inspect_err(|_| self.failed_client = Some(number))?;
        self.touched.push(number);
        // A Pong, or the end of the client's direction, may be due.
        let again = session.flush();
        match verdict {
            Some(verdict) => self.leave(number, verdict),
            None => self.after_flush(number, again),
        }
        Ok(())
    }

    /// The connection of a client has ended.
    fn leave(&mut self, number: u32, verdict: Verdict) {
        let Some(client) = self.clients.get_mut(number as usize) else { return };
        let Some(session) = client.session.take() else { return };
        client.generation += 1;
        self.auditor.forget(session.stream.number());
        self.report.replies += session.runner.oracle.replies.checked();
        self.report.opened += u64::from(session.runner.oracle.status == Some(101));
        self.report.excused += u64::from(verdict.excused);
        let end = verdict.end.map_or("cut off by the client".to_owned(), |end| end.to_string());
        *self.report.ends.entry(end).or_default() += 1;
        let stayed = matches!(session.next, Next::Stay(_));
        match session.next {
            Next::Return(wait) if self.incidents.drain.is_none() => {
                client.script = Some(session.script);
                self.plan_action(self.now + wait, number, Action::Connect);
            }
            _ => self.unfinished -= usize::from(!stayed),
        }
    }
}
