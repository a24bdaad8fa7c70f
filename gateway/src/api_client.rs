//! A client of the admin server: one request and its JSON, over TCP or a Unix socket.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::login_as::read_token;
use crate::options::shown;

/// The longest answer, in bytes.
const MAX_ANSWER_BYTES: u64 = 64 * 1024 * 1024;
/// The longest wait for a connection, and for each read and write.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where an admin server is, and the token that it wants.
#[derive(Clone, Debug)]
pub(crate) struct ApiClient {
    place: Place,
    token: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// Host and port.
    Tcp(String),
    Unix(PathBuf),
}

impl ApiClient {
    /// The server at `http://HOST:PORT` or `unix:PATH`.
    ///
    /// # Errors
    /// One line that says what is wrong with the URL or the file.
    pub(crate) fn new(url: &str, token_file: Option<&Path>) -> Result<Self, String> {
        let place =
            place(url).ok_or_else(|| format!("{}: expected http://HOST:PORT or unix:PATH", shown(url)))?;
        let token = token_file.map(read_token).transpose()?;
        let is_header = |token: &String| token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.as_ref().is_some_and(|token| !is_header(token)) {
            return Err(format!("{}: expected a token", token_file.map(shown).unwrap_or_default()));
        }
        Ok(ApiClient { place, token })
    }

    /// What a path such as `/api/stats` answers.
    ///
    /// # Errors
    /// One line that says why there is no answer.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        let answer = match &self.place {
            Place::Tcp(authority) => connect(authority).and_then(|stream| self.ask(stream, authority, path)),
            Place::Unix(socket) => {
                connect_unix(socket).and_then(|stream| self.ask(stream, "localhost", path))
            }
        };
        let answer = answer.map_err(|error| format!("{path}: {error}"))?;
        let (status, body) = split(&answer).ok_or_else(|| format!("{path}: the answer is no HTTP"))?;
        if !status.starts_with("HTTP/1.1 200 ") {
            let line = String::from_utf8_lossy(body);
            let line = line.lines().next().unwrap_or_default();
            return Err(format!("{path}: the server answered {}: {}", shown(status), shown(line)));
        }
        serde_json::from_slice(body).map_err(|error| format!("{path}: the answer is not understood: {error}"))
    }

    fn ask(&self, mut stream: impl Read + Write, host: &str, path: &str) -> io::Result<Vec<u8>> {
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        if let Some(token) = &self.token {
            request += &format!("Authorization: Bearer {token}\r\n");
        }
        request += "\r\n";
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer)?;
        Ok(answer)
    }
}

fn place(url: &str) -> Option<Place> {
    if let Some(path) = url.strip_prefix("unix:") {
        return (!path.is_empty()).then(|| Place::Unix(path.into()));
    }
    let authority = url.strip_prefix("http://")?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, port) = authority.rsplit_once(':')?;
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]%".contains(&byte);
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let is_place = !host.is_empty() && host.bytes().all(is_host) && is_port;
    is_place.then(|| Place::Tcp(authority.to_owned()))
}

fn connect(authority: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in authority.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(TIMEOUT))?;
                stream.set_write_timeout(Some(TIMEOUT))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn connect_unix(path: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// The status line and the body.
fn split(answer: &[u8]) -> Option<(&str, &[u8])> {
    let at = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = str::from_utf8(answer.get(..at)?).ok()?;
    let status = head.lines().next()?;
    Some((status, answer.get(at + 4..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_host_and_a_port_or_a_socket() {
        for (url, expected) in [
            ("http://127.0.0.1:9091", Some(Place::Tcp("127.0.0.1:9091".to_owned()))),
            ("http://[::1]:9091/", Some(Place::Tcp("[::1]:9091".to_owned()))),
            ("unix:/run/a.sock", Some(Place::Unix("/run/a.sock".into()))),
            ("unix:", None),
            ("http://a", None),
            ("http://a:99999", None),
            ("http://a:80/b", None),
            ("https://a:443", None),
            ("http://a\r\nb:80", None),
        ] {
            assert_eq!(place(url), expected, "{url}");
        }
    }

    #[test]
    fn an_answer_has_a_status_and_a_body() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(split(answer), Some(("HTTP/1.1 200 OK", &b"{}"[..])));
        assert_eq!(split(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
