//! The program under test, as a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::Fallible;

/// The program, on a free port. Dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn start() -> Fallible<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sysconn"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "error"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let port = line.trim_end().strip_prefix("listening on 127.0.0.1:").map(str::parse);
        match port {
            Some(Ok(port)) => Ok(Server { child, output, port }),
            _ => Err(format!("the server printed {line:?}, {:?}", child.kill()).into()),
        }
    }

    /// SIGTERM ends the program with status 0, and it has printed nothing more.
    pub(crate) fn stop(mut self) -> Fallible<()> {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let mut more = String::new();
        self.output.read_to_string(&mut more)?;
        let status = self.child.wait()?;
        if killed.success() && status.success() && more.is_empty() {
            return Ok(());
        }
        Err(format!("kill: {killed}; the server: {status}, {more:?}").into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
