//! `sysconn healthcheck`: asks a server whether it serves.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use rustls::pki_types::ServerName;
use sysconn::config::Listen;

use crate::client::over_tls;
use crate::options::{Exit, Options, Sources, read, shown};
use crate::output::print;
use crate::own_server::{reachable, trusting};

/// The longest time to find out where to ask, and then to get an answer, whatever the server sends meanwhile.
const PATIENCE: Duration = Duration::from_secs(3);
/// The path of the admin server that says whether clients may be sent to this one.
const READY: &str = "/readyz";
/// The forms of a URL.
const URL: &str = "http://HOST:PORT/PATH, https://HOST:PORT/PATH or unix:SOCKET";
/// Bytes of a status line up to the space behind its number: `HTTP/1.1 200 `.
const STATUS_BYTES: usize = 13;

/// Where to ask.
struct Target {
    /// The addresses of the server's name, of which one has to answer.
    at: Vec<Listen>,
    path: String,
    is_tls: bool,
    /// Whether the server may expect a PROXY header from here.
    maybe_proxied: bool,
}

/// Why nobody is asked, or nobody answers.
#[derive(Clone)]
enum NoAnswer {
    /// The options or the URL do not say where to ask: one line for standard error.
    Unusable(Exit),
    /// One line for standard output.
    Failed(String),
}

/// Asks, and prints one line. Returns whether the answer is 200.
///
/// # Errors
/// The options or the URL cannot be used, or the line cannot be printed.
pub(crate) fn health(sources: Sources, url: Option<String>) -> Result<bool, Exit> {
    let (found, targets) = sync_channel(1);
    let (answered, answers) = sync_channel(1);
    // On a thread, since names and files, and whoever holds the address, can take any time.
    let asks = move || {
        let target = match url {
            Some(url) => of_url(&url),
            None => of_options(&sources),
        };
        let names = |target: &Target| target.at.iter().map(Listen::to_string).collect::<Vec<_>>().join(", ");
        let _ = found.send(target.as_ref().map(names).map_err(Clone::clone));
        if let Ok(target) = target {
            let _ = answered.send(ask(&target));
        }
    };
    let thread = Builder::new().spawn(asks);
    let thread = thread.map_err(|error| NoAnswer::Failed(format!("cannot start a thread: {error}")));
    let answer = thread.and_then(|_| {
        let names = told(&targets, "nobody says where to ask")??;
        told(&answers, &format!("{names}: no answer"))?.map_err(NoAnswer::Failed)
    });
    let (line, is_healthy) = match answer {
        Ok((status, listen)) => (format!("{listen}: {status}"), status == "200"),
        Err(NoAnswer::Failed(line)) => (line, false),
        Err(NoAnswer::Unusable(exit)) => return Err(exit),
    };
    print(&format!("{line}\n")).map_err(|line| Exit::Error(format!("sysconn: {line}")))?;
    Ok(is_healthy)
}

fn told<T>(by: &Receiver<T>, missing: &str) -> Result<T, NoAnswer> {
    let late = |_| NoAnswer::Failed(format!("{missing} within {} s", PATIENCE.as_secs()));
    by.recv_timeout(PATIENCE).map_err(late)
}

fn unusable(line: String) -> NoAnswer {
    NoAnswer::Unusable(Exit::Error(format!("sysconn: healthcheck: {line}")))
}

/// `/readyz` of `--admin`, or else the game's port with `--health-path`.
fn of_options(sources: &Sources) -> Result<Target, NoAnswer> {
    let options = sources.options(read).map_err(NoAnswer::Unusable)?;
    if let Some(admin) = &options.admin.listen {
        let (at, path) = (vec![at_listener(admin)?], READY.to_owned());
        return Ok(Target { at, path, is_tls: false, maybe_proxied: false });
    }
    let Some(path) = options.config.upgrade.health_path.clone() else {
        let line = "there is nothing to ask without --admin or --health-path: give one, or a URL";
        return Err(unusable(line.to_owned()));
    };
    let is_tls = |listen: &Listen| options.tls_cert.is_some() && matches!(listen, Listen::Tcp(_));
    match options.config.listen.first() {
        Some(listen) => Ok(Target {
            is_tls: is_tls(listen),
            maybe_proxied: is_proxied(&options),
            at: vec![at_listener(listen)?],
            path,
        }),
        None => Err(unusable("the address of systemd's socket is not known here: give a URL".to_owned())),
    }
}

fn is_proxied(options: &Options) -> bool {
    !options.config.proxies.proxy_protocol.is_empty()
}

/// Where a listener of the options is reached.
fn at_listener(listen: &Listen) -> Result<Listen, NoAnswer> {
    match listen {
        Listen::Tcp(address) if address.port() == 0 => {
            let line = format!("{address}: the port that the system chose is not known here: give a URL");
            Err(unusable(line))
        }
        Listen::Tcp(address) => Ok(Listen::Tcp(reachable(*address))),
        listen => Ok(listen.clone()),
    }
}

/// `http://HOST:PORT/PATH`, with https too, or `unix:SOCKET`.
fn of_url(url: &str) -> Result<Target, NoAnswer> {
    let fail = |what: String| unusable(format!("{what}, not {}", shown(url)));
    let target = |at, path, is_tls| Target { at, path, is_tls, maybe_proxied: false };
    if let Some(socket) = url.strip_prefix("unix:") {
        if socket.is_empty() || SocketAddr::from_pathname(socket).is_err() {
            return Err(fail("expected unix:SOCKET, a path of 1 to 107 bytes".to_owned()));
        }
        return Ok(target(vec![Listen::Unix(PathBuf::from(socket))], READY.to_owned(), false));
    }
    let (is_tls, rest) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return Err(fail(format!("expected {URL}"))),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if path.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(fail("expected a path without spaces and control characters".to_owned()));
    }
    let found = authority.to_socket_addrs().map_err(|error| match error.kind() {
        ErrorKind::InvalidInput => fail(format!("expected HOST:PORT ({error})")),
        _ => NoAnswer::Failed(format!("{}: {error}", shown(authority))),
    })?;
    Ok(target(found.map(Listen::Tcp).collect(), format!("/{path}"), is_tls))
}

/// The status of the answer, and who gave it: the first that answers.
fn ask(target: &Target) -> Result<(String, Listen), String> {
    let mut failed = "the host has no address".to_owned();
    for listen in &target.at {
        match ask_at(listen, target) {
            Ok(status) => return Ok((status, listen.clone())),
            Err(error) => failed = format!("{listen}: {error}"),
        }
    }
    Err(failed)
}

fn ask_at(listen: &Listen, target: &Target) -> io::Result<String> {
    let status = ask_with(listen, target, "")?;
    if status == "400" && target.maybe_proxied {
        return ask_with(listen, target, "PROXY UNKNOWN\r\n");
    }
    Ok(status)
}

fn ask_with(listen: &Listen, target: &Target, header: &str) -> io::Result<String> {
    match listen {
        Listen::Tcp(address) => {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(header.as_bytes())?;
            match target.is_tls {
                false => exchange(stream, &target.path),
                // It is this server, at its own address: only its answer counts.
                true => {
                    exchange(over_tls(stream, trusting()?, ServerName::from(address.ip()))?, &target.path)
                }
            }
        }
        Listen::Unix(path) => {
            let mut stream = UnixStream::connect(path)?;
            stream.write_all(header.as_bytes())?;
            exchange(stream, &target.path)
        }
    }
}

fn exchange(mut stream: impl Read + Write, path: &str) -> io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut line = [0; STATUS_BYTES];
    stream.read_exact(&mut line).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "closed without an answer"),
        _ => error,
    })?;
    let status = status(&line).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "no HTTP answer"))?;
    Ok(status.to_owned())
}

/// The number in the beginning of a status line.
fn status(line: &[u8; STATUS_BYTES]) -> Option<&str> {
    let text = std::str::from_utf8(line).ok()?;
    let (version, rest) = text.split_once(' ')?;
    let (status, end) = rest.split_at_checked(3)?;
    let is_status = status.bytes().all(|byte| byte.is_ascii_digit()) && matches!(end, " " | "\r" | "\n");
    (matches!(version, "HTTP/1.0" | "HTTP/1.1") && is_status).then_some(status)
}
