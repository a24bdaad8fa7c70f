//! What a case can do: tell the driver, watch its client, and compare its reports.

use std::time::Duration;

use super::accept::{Arrival, Arrivals, CASES};
use super::control::Control;
use super::deadline::Deadline;
use super::message::{Command, Event, Login, Offline, Settings, hex};
use super::peer::Peer;

/// The verdict of a case: why it failed.
pub(super) type Judged<T = ()> = Result<T, String>;

/// The command that most cases use.
pub(super) const CMD: u16 = 2001;
/// A wait that no case outlasts, in milliseconds.
pub(super) const NEVER_MS: u32 = 600_000;

/// One case, while it runs.
pub(super) struct Stage<'a> {
    control: &'a mut Control,
    arrivals: &'a Arrivals,
    url: String,
    path: String,
    pub(super) patience: Duration,
    /// Whether the client has reported that its newest connection is open.
    was_open: bool,
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        control: &'a mut Control,
        arrivals: &'a Arrivals,
        number: &str,
        patience: Duration,
    ) -> Self {
        let path = format!("{CASES}{number}");
        let url = format!("ws://{}{path}", control.host);
        Stage { control, arrivals, url, path, patience, was_open: false }
    }

    /// Tries a case, and throws the client away. Returns the verdict, and whether the driver can go on.
    pub(super) fn run(mut self, case: &dyn Fn(&mut Stage<'_>) -> Judged) -> (Judged, Judged) {
        let verdict = case(&mut self);
        let ended = self.end();
        (verdict.and(ended.clone()), ended)
    }

    /// Throws the client away: the driver may make another.
    pub(super) fn end(&mut self) -> Judged {
        self.tell(&Command::End)?;
        // A driver that is only slow would be out of step with all cases that follow.
        let deadline = Deadline::after(self.patience.saturating_mul(4));
        while self.control.event(deadline)? != Event::Done {}
        self.was_open = false;
        Ok(())
    }

    /// Settings under which a client does nothing by itself.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            url: self.url.clone(),
            first_ms: NEVER_MS,
            max_ms: NEVER_MS,
            idle_ms: 0,
            connect_timeout_ms: NEVER_MS,
            heartbeat_ms: 0,
            last_flag: 0,
            login: None,
        }
    }

    /// The same, with waits before a connection is tried again.
    pub(super) fn patient(&self, first_ms: u32, max_ms: u32) -> Settings {
        Settings { first_ms, max_ms, ..self.settings() }
    }

    /// The same, with a login.
    pub(super) fn with_login(&self, first_ms: u32, cmd: u16, data: &[u8]) -> Settings {
        let login = Some(Login { cmd, data: hex(data) });
        Settings { login, ..self.patient(first_ms, first_ms) }
    }

    /// Has the driver make a client, and accepts its connection.
    pub(super) fn connect(&mut self, settings: Settings) -> Judged<Peer> {
        self.tell(&Command::Connect(settings))?;
        self.accept()
    }

    /// Accepts the client's next connection.
    pub(super) fn accept(&mut self) -> Judged<Peer> {
        let arrival = self.arrival(self.patience)?;
        self.upgrade(arrival)
    }

    pub(super) fn upgrade(&mut self, arrival: Arrival) -> Judged<Peer> {
        self.was_open = false;
        Ok(Peer::new(arrival.upgrade()?, self.patience))
    }

    /// Has the driver make a client, and accepts its connection, and `permessage-deflate` if it offers that.
    pub(super) fn connect_deflated(&mut self) -> Judged<Peer> {
        self.tell(&Command::Connect(self.settings()))?;
        Ok(Peer::new(self.arrival(self.patience)?.upgrade_deflated()?, self.patience))
    }

    /// The client's next connection, which must come in this time.
    pub(super) fn arrival(&mut self, wait: Duration) -> Judged<Arrival> {
        let arrival = self.arrivals.client(&self.path, Deadline::after(wait));
        arrival.ok_or_else(|| "the client does not connect".to_owned())
    }

    /// No connection may come for so long.
    pub(super) fn no_arrival(&mut self, wait: Duration) -> Judged {
        match self.arrivals.client(&self.path, Deadline::after(wait)) {
            None => Ok(()),
            Some(_) => Err("the client connects again, too early or at all".to_owned()),
        }
    }

    pub(super) fn tell(&mut self, command: &Command) -> Judged {
        self.control.tell(command)
    }

    /// Has the client call a command, with as much time as it needs.
    pub(super) fn call(&mut self, id: u32, cmd: u16, data: &[u8]) -> Judged {
        self.call_within(id, cmd, data, NEVER_MS)
    }

    pub(super) fn call_within(&mut self, id: u32, cmd: u16, data: &[u8], timeout_ms: u32) -> Judged {
        self.tell(&Command::Call { id, cmd, data: hex(data), timeout_ms, offline: Offline::Wait })
    }

    /// The next event. That the client is open is kept in mind.
    pub(super) fn event(&mut self) -> Judged<Event> {
        let deadline = Deadline::after(self.patience);
        loop {
            match self.control.event(deadline)? {
                Event::Open => self.was_open = true,
                event => return Ok(event),
            }
        }
    }

    /// The next event must be this one.
    pub(super) fn expect(&mut self, expected: &Event) -> Judged {
        let event = self.event().map_err(|why| format!("expected {}: {why}", expected.brief()))?;
        if event == *expected { Ok(()) } else { Err(differs(expected, &event)) }
    }

    /// The client must be open, or get open before anything else happens.
    pub(super) fn expect_open(&mut self) -> Judged {
        if self.was_open {
            return Ok(());
        }
        match self.control.event(Deadline::after(self.patience))? {
            Event::Open => {
                self.was_open = true;
                Ok(())
            }
            event => Err(differs(&Event::Open, &event)),
        }
    }

    pub(super) fn expect_reply(&mut self, id: u32, data: &[u8]) -> Judged {
        self.expect(&Event::Reply { id, data: hex(data) })
    }

    pub(super) fn expect_push(&mut self, cmd: u16, data: &[u8]) -> Judged {
        self.expect(&Event::Push { cmd, data: hex(data) })
    }

    /// A call must end, whatever the code, and say whether it may have run.
    pub(super) fn expect_ended(&mut self, call: u32, expected: bool) -> Judged {
        match self.event()? {
            Event::Ended { id, may_have_run, .. } if id == call && may_have_run == expected => Ok(()),
            event => Err(format!(
                "expected that call {call} ends with mayHaveRun {expected}, not {}",
                event.brief()
            )),
        }
    }
}

fn differs(expected: &Event, event: &Event) -> String {
    format!("expected {}, not {}", expected.brief(), event.brief())
}
