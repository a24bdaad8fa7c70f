//! A client that reconnects, for tests of the referee, and that has one fault if it is told to.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sysconn::Reconnect;
use sysconn::client::Ended;
use sysconn::frame::Opcode;
use sysconn::packet::{Request, push_request};

use super::driver::{Subject, TICK, bytes, hex, now};
use super::faults::Fault::{self, *};
use super::packet::{HEADER_BYTES, Packet};
use super::rust::ended;
use super::wire::{Incoming, Wire};

/// The id of a login among the calls.
const LOGIN: u32 = u32::MAX;
/// The command of a heartbeat.
const HEARTBEAT: u16 = 1044;
/// After so long a connection counts as a good one.
const SETTLED: Duration = Duration::from_secs(10);
/// The time in which a wake-up is to be answered.
const WAKE: Duration = Duration::from_secs(3);

/// A request without a reply.
#[derive(Clone)]
struct Call {
    id: u32,
    cmd: u16,
    data: Vec<u8>,
    deadline: Instant,
    is_stream: bool,
}

#[derive(Default)]
pub(crate) struct Reconnecting {
    fault: Option<Fault>,
    settings: Value,
    wire: Option<Wire>,
    /// Connections that should have been closed.
    kept: Vec<Wire>,
    /// Since when it is open, if it is.
    opened: Option<Instant>,
    /// When to connect, if there is no connection.
    at: Option<Instant>,
    failures: u32,
    flag: u32,
    sent: HashMap<u32, Call>,
    waiting: Vec<Call>,
    began: Option<Instant>,
    last_received: Option<Instant>,
    last_heartbeat: Option<Instant>,
    woken: Option<Instant>,
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap()
}

impl Reconnecting {
    pub(crate) fn with(fault: Fault) -> Self {
        Reconnecting { fault: Some(fault), ..Reconnecting::default() }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn setting(&self, key: &str) -> Duration {
        Duration::from_millis(number(&self.settings, key))
    }

    fn open(&mut self) {
        let url = self.settings["url"].as_str().unwrap();
        self.wire = Some(Wire::open(url, self.fault));
        (self.at, self.began) = (None, Some(now()));
    }

    fn count_flag(&mut self) {
        self.flag = self.flag.wrapping_add(1);
        if self.flag == 0 && !self.is(WrapsToZero) {
            self.flag = 1;
        }
    }

    fn send(&mut self, call: Call) {
        if !self.is(IgnoresFlags) || self.sent.is_empty() {
            self.count_flag();
        }
        self.post(call.cmd, self.flag, &call.data);
        self.sent.insert(self.flag, call);
    }

    fn post(&mut self, cmd: u16, flag: u32, data: &[u8]) {
        let cmd = if self.is(ShortCommands) { cmd & 0xff } else { cmd };
        let mut packet = vec![];
        push_request(&mut packet, &Request { data_status: 0, flag, cmd, data });
        if self.is(CountsTheHeader) {
            packet[1] = packet[1].wrapping_add(9);
        }
        if let Some(wire) = &mut self.wire {
            wire.send(Opcode::Binary, &packet);
        }
    }

    fn upgraded(&mut self, events: &mut Vec<Value>) {
        (self.last_received, self.last_heartbeat) = (Some(now()), Some(now()));
        let login = self.settings["login"].clone();
        if login.is_null() {
            return self.opened(events);
        }
        if self.is(LogsInLast) {
            std::mem::take(&mut self.waiting).into_iter().for_each(|call| self.send(call));
        }
        let cmd = number(&login, "cmd").try_into().unwrap();
        let deadline = now() + Duration::from_hours(1);
        self.send(Call { id: LOGIN, cmd, data: bytes(&login["data"]), deadline, is_stream: false });
    }

    fn opened(&mut self, events: &mut Vec<Value>) {
        self.opened = Some(now());
        std::mem::take(&mut self.waiting).into_iter().for_each(|call| self.send(call));
        events.push(json!({"event": "open"}));
    }

    /// The connection has ended, and is thrown away.
    fn lost(&mut self, code: u16, reason: &str, events: &mut Vec<Value>) {
        let code = if self.is(KnowsNoCodes) { 1006 } else { code };
        let end = Ended { code, reason: reason.to_owned() };
        let wire = self.wire.take();
        if self.is(KeepsConnections) {
            self.kept.extend(wire);
        }
        let is_good = |opened: Instant| self.is(SettlesAtOnce) || opened.elapsed() >= SETTLED;
        if self.opened.is_some_and(is_good) && !self.is(NeverSettles) {
            self.failures = 0;
        }
        (self.opened, self.woken) = (None, None);
        for (_, call) in self.sent.drain() {
            if call.id == LOGIN {
                continue;
            }
            if self.fault == Some(SendsAgain) {
                self.waiting.push(call.clone());
            }
            if self.fault != Some(KeepsCalls) {
                events.push(ended(call.id, &end, true));
            }
        }
        self.come_back(&end, events);
    }

    fn come_back(&mut self, end: &Ended, events: &mut Vec<Value>) {
        let most = self.setting("firstMs").saturating_mul(1 << self.failures).min(self.setting("maxMs"));
        let wait = match (end.retry_seconds(), end.advice()) {
            (Some(seconds), _) if !self.is(IgnoresRetry) => Some(Duration::from_secs(seconds.into())),
            (_, Reconnect::Now) if !self.is(NeverAtOnce) && self.failures == 0 => Some(Duration::ZERO),
            (_, Reconnect::Never) => None,
            _ if self.is(NeverWaits) => Some(Duration::ZERO),
            // A real client takes a random part of it.
            _ => Some(most / 2),
        };
        self.failures += 1;
        if wait.is_none() {
            events.push(json!({"event": "closed"}));
        }
        let wait = wait.or(self.is(AlwaysComesBack).then_some(Duration::ZERO));
        self.at = wait.map(|wait| now() + wait);
    }

    fn message(&mut self, message: &[u8], events: &mut Vec<Value>) {
        if message.len() < HEADER_BYTES {
            if let Some(call) = self.sent.values().next().filter(|_| self.is(TakesTruncated)) {
                events.push(json!({"event": "reply", "id": call.id, "data": ""}));
            }
            return;
        }
        let Some(Packet { error, flag, cmd, data }) = Packet::parse(message, self.fault) else { return };
        let by_flag = self.sent.contains_key(&flag).then_some(flag);
        let by_cmd = self.sent.iter().find(|(_, call)| call.cmd == cmd).map(|(flag, _)| *flag);
        match if self.is(IgnoresFlags) { by_cmd } else { by_flag } {
            Some(flag) => self.reply(flag, error, &data, events),
            None if flag == 0 || self.is(IgnoresFlags) => {
                events.push(json!({"event": "push", "cmd": cmd, "data": hex(&data)}));
            }
            None => {}
        }
    }

    fn reply(&mut self, flag: u32, error: u16, data: &[u8], events: &mut Vec<Value>) {
        let call = self.sent[&flag].clone();
        if !call.is_stream || error != 0 {
            self.sent.remove(&flag);
        }
        match (call.id, error) {
            (LOGIN, 0) => self.opened(events),
            (LOGIN, error) => {
                let again = matches!(error, 5 | 6) && !self.is(LogsInOnce);
                self.lost(if again { 1012 } else { 1000 }, "", events);
            }
            (id, 0) => events.push(json!({"event": "reply", "id": id, "data": hex(data)})),
            (id, error) => events.push(json!({"event": "refused", "id": id, "error": error})),
        }
    }

    fn call(&mut self, command: &Value, is_stream: bool, events: &mut Vec<Value>) {
        let call = Call {
            id: number(command, "id").try_into().unwrap(),
            cmd: number(command, "cmd").try_into().unwrap(),
            data: bytes(&command["data"]),
            deadline: now() + Duration::from_millis(number(command, "timeoutMs")),
            is_stream,
        };
        if self.opened.is_some() {
            self.send(call);
        } else if command["offline"] == "reject" {
            events.push(ended(call.id, &Ended { code: 1006, reason: String::new() }, false));
        } else if !self.is(ForgetsCalls) {
            self.waiting.push(call);
        }
    }

    /// Does what time asks for.
    fn tick(&mut self, events: &mut Vec<Value>) {
        self.kept.iter_mut().for_each(|wire| wire.send(Opcode::Ping, b""));
        let passed = |since: Option<Instant>, wait: Duration| since.is_some_and(|at| at.elapsed() >= wait);
        let (idle, heartbeat) = (self.setting("idleMs"), self.setting("heartbeatMs"));
        let is_upgraded = self.wire.as_ref().map(|wire| wire.is_upgraded);
        let is_late = match is_upgraded {
            Some(false) => passed(self.began, self.setting("connectTimeoutMs")) && !self.is(WaitsForUpgrades),
            Some(true) if passed(self.woken, WAKE) => true,
            Some(true) => !idle.is_zero() && passed(self.last_received, idle) && !self.is(IgnoresSilence),
            None => false,
        };
        if is_late {
            self.lost(1006, "", events);
        }
        if self.opened.is_some() && !heartbeat.is_zero() && passed(self.last_heartbeat, heartbeat) {
            self.last_heartbeat = Some(now());
            self.beat(SendsNoHeartbeats);
        }
        if !self.is(NeverTimesOut) {
            let time = now();
            for (_, call) in self.sent.extract_if(|_, call| call.deadline <= time) {
                events.push(json!({"event": "timeout", "id": call.id}));
            }
        }
    }

    /// Sends a heartbeat, unless it has that fault.
    fn beat(&mut self, unless: Fault) {
        self.count_flag();
        if !self.is(unless) {
            self.post(HEARTBEAT, self.flag, b"");
        }
    }
}

impl Subject for Reconnecting {
    fn obey(&mut self, command: &Value, events: &mut Vec<Value>) {
        match command["do"].as_str().unwrap() {
            "connect" => {
                self.settings = command.clone();
                self.flag = number(command, "lastFlag").try_into().unwrap();
                self.open();
            }
            "call" => self.call(command, false, events),
            "stream" => self.call(command, true, events),
            "stop" => self.sent.retain(|_, call| u64::from(call.id) != number(command, "id")),
            "post" if self.is(SendsNoPosts) => {}
            "post" => {
                self.count_flag();
                self.post(number(command, "cmd").try_into().unwrap(), self.flag, &bytes(&command["data"]));
            }
            "wake" => {
                self.woken = Some(now());
                self.beat(SleepsOn);
            }
            "close" => {
                self.wire.as_mut().unwrap().send(Opcode::Close, &1000u16.to_be_bytes());
                self.lost(1000, "", events);
            }
            _ => *self = Reconnecting { fault: self.fault, ..Reconnecting::default() },
        }
    }

    fn poll(&mut self, events: &mut Vec<Value>) {
        if self.at.is_some_and(|at| at <= now()) {
            self.open();
        }
        let Some(wire) = &mut self.wire else { return std::thread::sleep(TICK) };
        match wire.next() {
            Incoming::Nothing => {}
            Incoming::Upgraded => self.upgraded(events),
            Incoming::Ping(_) if self.fault == Some(SendsNoPongs) => {}
            Incoming::Ping(payload) => wire.send(Opcode::Pong, &payload),
            Incoming::Message(message) => {
                (self.last_received, self.woken) = (Some(now()), None);
                self.message(&message, events);
            }
            Incoming::End(code, reason) => {
                if code != 1006 && self.fault != Some(SendsNoClose) {
                    let code = if code == 1005 { vec![] } else { code.to_be_bytes().to_vec() };
                    wire.send(Opcode::Close, &code);
                }
                self.lost(code, &reason, events);
            }
        }
        self.tick(events);
    }
}
