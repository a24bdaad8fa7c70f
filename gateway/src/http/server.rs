//! The listener, the thread, and the limits on each connection.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, LocalSet, spawn_local};

use super::{Answer, POLICY, Site, host, line};

/// Connections at one time. A newer one takes the place of the oldest, so that slow clients lock nobody out.
const MAX_CONNECTIONS: usize = 24;
const TIMES: Times = Times { head: Duration::from_secs(5), all: Duration::from_secs(20) };
/// The longest head of a request.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// The most header lines of a request.
const MAX_HEADERS: usize = 64;
/// The longest body of a request.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// How long it waits before it accepts again, when the system has refused it a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The longest times of a connection.
#[derive(Clone, Copy)]
pub(super) struct Times {
    /// For the head of its request.
    pub(super) head: Duration,
    /// From its beginning to the last byte of the answer.
    pub(super) all: Duration,
}

/// A server that listens already, and answers once it serves.
pub(crate) struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
    pub(super) times: Times,
}

impl HttpServer {
    /// Listens at an address; port 0 asks the system for a free one.
    ///
    /// # Errors
    /// One line that says why that cannot be done.
    pub(crate) fn bind(address: SocketAddr) -> Result<Self, String> {
        let failed = |error| format!("cannot listen on {address}: {error}");
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(HttpServer { listener, address, times: TIMES })
    }

    /// The address that it listens at.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests by `site`, on a thread of its own, for as long as the program runs.
    ///
    /// # Errors
    /// One line that says why it cannot be started.
    pub(crate) fn serve(self, site: impl Site + Send) -> Result<(), String> {
        let failed = |error| format!("http: {error}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let serve = move || LocalSet::new().block_on(&runtime, self.accept(Rc::new(site)));
        let thread = std::thread::Builder::new().name("http".into()).spawn(serve);
        thread.map(drop).map_err(failed)
    }

    async fn accept(self, site: Rc<impl Site>) {
        let (is_loopback, times) = (self.address.ip().is_loopback(), self.times);
        let listener = match tokio::net::TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => return log::error!("http: {error}"),
        };
        let mut connections = VecDeque::<AbortHandle>::new();
        let mut was_refused = false;
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    if !std::mem::replace(&mut was_refused, true) {
                        log::warn!("http: no connection is accepted for now: {error}");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            was_refused = false;
            connections.retain(|connection| !connection.is_finished());
            if connections.len() >= MAX_CONNECTIONS
                && let Some(oldest) = connections.pop_front()
            {
                log::debug!("http: the oldest of {MAX_CONNECTIONS} connections is cut for a newer one");
                oldest.abort();
            }
            let connection = serve_one(stream, site.clone(), is_loopback, times.head);
            let connection = tokio::time::timeout(times.all, connection);
            connections.push_back(spawn_local(connection).abort_handle());
        }
    }
}

/// Serves a connection, which takes one request. hyper answers by itself what is malformed (400) and too
/// large (431), and ends what is too slow.
async fn serve_one(stream: TcpStream, site: Rc<impl Site>, is_loopback: bool, head_time: Duration) {
    let service = service_fn(|request| answer(&*site, request, is_loopback));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(head_time);
    server.max_buf_size(MAX_HEAD_BYTES).max_headers(MAX_HEADERS).keep_alive(false);
    // What is wrong with a connection is its client's business.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    site: &impl Site,
    request: Request<Incoming>,
    is_loopback: bool,
) -> Result<Answer, Infallible> {
    let mut answer = if is_loopback && !host::is_local(request.uri(), request.headers()) {
        line(StatusCode::FORBIDDEN, "the Host is none of localhost, 127.0.0.1 and [::1]")
    } else {
        match whole(request).await {
            Ok(request) => site.answer(request).await,
            Err(refusal) => refusal,
        }
    };
    let headers = answer.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(answer)
}

/// The request with its body.
///
/// # Errors
/// The answer to one whose body is too long, or is not as it says.
async fn whole(request: Request<Incoming>) -> Result<Request<Bytes>, Answer> {
    let too_large = || line(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 64 KiB");
    let (head, body) = request.into_parts();
    if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
        return Err(too_large());
    }
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => Ok(Request::from_parts(head, body.to_bytes())),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Err(_) => Err(line(StatusCode::BAD_REQUEST, "the body is malformed")),
    }
}
