//! The control connection: what the driver is told, and what it reports.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use sysconn::frame::{CloseCode, Opcode, push_close, push_frame};

use super::accept::Arrival;
use super::deadline::Deadline;
use super::message::{Command, Event, brief};
use super::socket::Frame;

/// The connection of a driver.
pub(super) struct Control {
    /// The address of the referee, as the driver names it.
    pub(super) host: String,
    writer: TcpStream,
    events: Receiver<Result<Event, String>>,
}

impl Control {
    pub(super) fn new(driver: Arrival) -> Result<Self, String> {
        let host = driver.host.clone();
        let mut socket = driver.upgrade()?;
        let failed = |error: io::Error| format!("referee: the control connection: {error}");
        let (writer, mut pongs) = (socket.writer().map_err(failed)?, socket.writer().map_err(failed)?);
        let (sender, events) = channel();
        std::thread::spawn(move || {
            loop {
                let event = match socket.next(None) {
                    Ok(Some(Frame::Text(text))) => serde_json::from_str(&text).map_err(|error| {
                        let shown = brief(&format!("{error}: {text}"));
                        format!("the driver's message is not understood: {shown}")
                    }),
                    Ok(Some(Frame::Ping(payload))) => {
                        let mut pong = Vec::new();
                        push_frame(&mut pong, Opcode::Pong, &payload);
                        let _ = pongs.write_all(&pong);
                        continue;
                    }
                    Ok(Some(Frame::Pong(_))) => continue,
                    Ok(Some(Frame::Binary(_))) => Err("the driver sends no text".to_owned()),
                    Ok(None | Some(Frame::Close(_) | Frame::End)) => return,
                    Err(error) => Err(format!("the driver: {error}")),
                };
                let is_over = event.is_err();
                if sender.send(event).is_err() || is_over {
                    return;
                }
            }
        });
        Ok(Control { host, writer, events })
    }

    pub(super) fn tell(&mut self, command: &Command) -> Result<(), String> {
        let text = serde_json::to_string(command).map_err(|error| error.to_string())?;
        let mut frame = Vec::new();
        push_frame(&mut frame, Opcode::Text, text.as_bytes());
        self.writer.write_all(&frame).map_err(|_| "the driver is gone".to_owned())
    }

    /// The next event.
    pub(super) fn event(&mut self, deadline: Deadline) -> Result<Event, String> {
        let late = || Err("the driver does not report what was awaited".to_owned());
        let Some(left) = deadline.left() else { return late() };
        match self.events.recv_timeout(left) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => late(),
            Err(RecvTimeoutError::Disconnected) => Err("the driver is gone".to_owned()),
        }
    }

    /// Says that all cases are done.
    pub(super) fn finish(&mut self) {
        let mut frame = Vec::new();
        push_close(&mut frame, Some(CloseCode::NORMAL), "");
        // The driver may have gone.
        let _ = self.writer.write_all(&frame);
    }
}
