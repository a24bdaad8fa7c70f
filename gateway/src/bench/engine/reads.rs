//! When a connection is read: in its turn, so that a server that sends without end keeps neither the other
//! connections nor the clock waiting.

use super::Engine;
use crate::bench::connection::{Connection, Readiness};

impl Engine {
    /// Something has happened at a socket. It is read in its turn.
    pub(super) fn ready(&mut self, index: usize, readiness: Readiness) {
        let mut now = readiness;
        if readiness.is_readable && (self.shared.read_time.is_over() || self.unread.has(index)) {
            self.unread.push_late(index);
            now.is_readable = false;
        }
        self.handle(index, now);
    }

    /// Reads those whose events came when the time of a turn was over, one at least.
    pub(super) fn read_late(&mut self) {
        while let Some(index) = self.unread.pop_late() {
            self.handle(index, Readiness::READABLE);
            if self.shared.read_time.is_over() {
                break;
            }
        }
    }

    /// Reads on where there was more, one connection at least. A quiet connection comes before a busy one.
    pub(super) fn read_rest(&mut self) {
        for _ in 0..self.unread.rest() {
            let Some(index) = self.unread.pop_rest() else { break };
            self.handle(index, Readiness::READABLE);
            if self.shared.read_time.is_over() {
                break;
            }
        }
    }

    fn handle(&mut self, index: usize, readiness: Readiness) {
        let more = self.act(index, |connection, shared| connection.handle_event(readiness, shared));
        if more == Some(true) {
            self.unread.push_rest(index);
        }
        self.active.push(index);
    }

    /// Ends connections that were not opened or closed in time.
    pub(super) fn expire(&mut self, now: u64) {
        while let Some(&(_, index, since)) = self.deadlines.front().filter(|(at, ..)| *at <= now) {
            self.deadlines.pop_front();
            let takes_since = |it: &Self| it.connections.get(index).is_some_and(|it| it.takes_since(since));
            if !takes_since(self) {
                continue;
            }
            // What it waits for may be there.
            let is_unread = self.unread.has(index);
            if is_unread {
                self.handle(index, Readiness::READABLE);
            }
            if takes_since(self) {
                self.act(index, Connection::expire);
            }
            if is_unread && self.shared.read_time.is_over() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use tungstenite::handshake::derive_accept_key;

    use super::*;
    use crate::bench::connection::Standing;
    use crate::bench::engine::{TICK, events};
    use crate::bench::plan::Plan;
    use crate::bench::shared::Shared;
    use crate::options::{Task, Tool, sources};

    /// An engine for one connection to a listener, which is begun and has sent its request; the other end of
    /// it, and the answer to that.
    fn begun() -> (Engine, TcpStream, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let arguments = ["sysconn", "bench", &url, "--connections", "1"].map(Into::into);
        let Ok(Task::Tool(tool)) = sources(arguments.into_iter(), std::iter::empty()) else {
            panic!("{url}")
        };
        let Tool::Bench(task) = *tool else { panic!("{url}") };
        let (plan, template) = Plan::new(&task).unwrap();
        let mut engine = Engine::new(Shared::new(plan, template, None).unwrap()).unwrap();
        engine.open(0);
        let mut server = listener.accept().unwrap().0;
        server.set_nonblocking(true).unwrap();
        let (mut request, mut part, mut events) = (vec![], [0; 1024], events());
        while !request.ends_with(b"\r\n\r\n") {
            engine.turn(engine.now() + TICK, &mut events).unwrap();
            match server.read(&mut part) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => request.extend_from_slice(&part[..read.unwrap()]),
            }
        }
        let request = String::from_utf8(request).unwrap();
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let accept = derive_accept_key(key.as_bytes());
        let head = "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade";
        (engine, server, format!("{head}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"))
    }

    /// An event for which no time is left in this turn.
    fn ready_late(engine: &mut Engine, has_ended: bool) {
        for now in [0, u64::MAX] {
            engine.shared.read_time.note(now);
        }
        engine.ready(0, Readiness { has_ended, ..Readiness::READABLE });
        assert!(engine.unread.has(0));
    }

    #[test]
    fn what_came_in_time_and_is_unread_counts() {
        for (part, standing, failures) in [(1, Standing::Open, 0), (2, Standing::Ended, 1)] {
            let (mut engine, mut server, answer) = begun();
            server.write_all(&answer.as_bytes()[..answer.len() / part]).unwrap();
            ready_late(&mut engine, false);
            assert_eq!(engine.connections[0].standing(), Standing::Opening, "it is not read");
            engine.expire(u64::MAX);
            assert_eq!(engine.connections[0].standing(), standing, "1/{part} of the answer");
            assert_eq!(engine.shared.figures.failures(), failures, "1/{part} of the answer");
        }
    }

    #[test]
    fn an_end_that_came_in_time_and_is_unread_counts() {
        for (ends, unclosed) in [(true, 0), (false, 1)] {
            let (mut engine, mut server, answer) = begun();
            server.write_all(answer.as_bytes()).unwrap();
            ready_late(&mut engine, false);
            engine.read_late();
            engine.all(Connection::close);
            assert_eq!(engine.connections[0].standing(), Standing::Closing);
            server.write_all(&[0x88, 0]).unwrap();
            let _open = (!ends).then_some(server);
            ready_late(&mut engine, ends);
            engine.expire(u64::MAX);
            assert_eq!(engine.connections[0].standing(), Standing::Ended);
            assert_eq!(engine.shared.figures.unclosed, unclosed, "{ends}");
        }
    }
}
