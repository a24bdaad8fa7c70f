//! `sysconn healthcheck`: asks a server whether it serves.

mod unverified;

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use sysconn::config::Listen;

use crate::options::{Options, Sources, read};

use unverified::unverified;

/// The longest time to connect, and for each read.
const PATIENCE: Duration = Duration::from_secs(3);
/// The path of the admin server that says whether clients may be sent to this one.
const READY: &str = "/readyz";
/// Bytes of a status line up to its number: `HTTP/1.1 200`.
const STATUS_BYTES: usize = 12;

/// Where to ask.
struct Target {
    listen: Listen,
    path: String,
    is_tls: bool,
    /// Whether the server may expect a PROXY header from here.
    maybe_proxied: bool,
}

/// Asks, and prints one line. Returns whether the answer is 200.
pub(crate) fn health(sources: &Sources, url: Option<&str>) -> bool {
    let target = match url {
        Some(url) => of_url(url),
        None => of_options(sources),
    };
    let answer = target.and_then(|target| {
        let asked = ask(&target).map_err(|error| format!("{}: {error}", target.listen));
        asked.map(|status| (status, target.listen))
    });
    // The output may have no reader.
    let _ = match &answer {
        Ok((status, listen)) => writeln!(io::stdout(), "{listen}: {status}"),
        Err(line) => writeln!(io::stdout(), "{line}"),
    };
    answer.is_ok_and(|(status, _)| status == "200")
}

/// `/readyz` of `--admin`, or else the game's port with `--health-path`.
fn of_options(sources: &Sources) -> Result<Target, String> {
    let options = sources.options(read).map_err(|exit| exit.into_text())?;
    if let Some(admin) = &options.admin.listen {
        let (listen, path) = (reachable(admin), READY.to_owned());
        return Ok(Target { listen, path, is_tls: false, maybe_proxied: false });
    }
    let Some(path) = options.config.upgrade.health_path.clone() else {
        return Err("there is nothing to ask without --admin or --health-path: give one, or a URL".to_owned());
    };
    let is_tls = |listen: &Listen| options.tls_cert.is_some() && matches!(listen, Listen::Tcp(_));
    match options.config.listen.first() {
        Some(listen) => Ok(Target {
            is_tls: is_tls(listen),
            maybe_proxied: is_proxied(&options),
            listen: reachable(listen),
            path,
        }),
        None => Err("the address of systemd's socket is not known here: give a URL".to_owned()),
    }
}

fn is_proxied(options: &Options) -> bool {
    !options.config.proxies.proxy_protocol.is_empty()
}

/// An address to connect to, in place of a wildcard.
fn reachable(listen: &Listen) -> Listen {
    match listen {
        Listen::Tcp(address) if address.ip().is_unspecified() => {
            let loopback = match address {
                SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            };
            Listen::Tcp(SocketAddr::new(loopback, address.port()))
        }
        listen => listen.clone(),
    }
}

/// `http://HOST:PORT/PATH`, with https too, or `unix:SOCKET`.
fn of_url(url: &str) -> Result<Target, String> {
    let target = |listen, path, is_tls| Target { listen, path, is_tls, maybe_proxied: false };
    if let Some(socket) = url.strip_prefix("unix:") {
        return Ok(target(Listen::Unix(PathBuf::from(socket)), READY.to_owned(), false));
    }
    let (is_tls, rest) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return Err("expected http://HOST:PORT/PATH or unix:SOCKET".to_owned()),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if path.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err("expected a path without spaces and control characters".to_owned());
    }
    let found = authority.to_socket_addrs().map_err(|error| format!("expected HOST:PORT: {error}"))?;
    let address = found.into_iter().next().ok_or("the host has no address")?;
    Ok(target(Listen::Tcp(address), format!("/{path}"), is_tls))
}

/// The status of the answer.
fn ask(target: &Target) -> io::Result<String> {
    let status = ask_with(target, "")?;
    if status == "400" && target.maybe_proxied {
        return ask_with(target, "PROXY UNKNOWN\r\n");
    }
    Ok(status)
}

fn ask_with(target: &Target, header: &str) -> io::Result<String> {
    match &target.listen {
        Listen::Tcp(address) => {
            let mut stream = TcpStream::connect_timeout(address, PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            stream.write_all(header.as_bytes())?;
            match target.is_tls {
                false => exchange(stream, &target.path),
                // It is this server, at its own address: only its answer counts.
                true => exchange(unverified(stream)?, &target.path),
            }
        }
        Listen::Unix(path) => {
            let mut stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            stream.write_all(header.as_bytes())?;
            exchange(stream, &target.path)
        }
    }
}

fn exchange(mut stream: impl Read + Write, path: &str) -> io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut line = [0; STATUS_BYTES];
    stream.read_exact(&mut line)?;
    let text = std::str::from_utf8(&line).ok().filter(|text| text.starts_with("HTTP/1."));
    let status = text.and_then(|text| text.split(' ').nth(1)).filter(|status| status.len() == 3);
    status.map(ToOwned::to_owned).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no HTTP answer"))
}
