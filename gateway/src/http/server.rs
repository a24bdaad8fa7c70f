//! The server: its limits on each connection, and the headers that every answer has.

use std::convert::Infallible;
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
use sysconn::SocketFile;
use sysconn::config::Listen;
use tokio::task::spawn_local;

use super::listener::{Caller, Listener, Stream};
use super::places::{Place, Places};
use super::{Answer, POLICY, Site, host, line};

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
    listener: Listener,
    address: Listen,
    file: Option<SocketFile>,
    pub(super) times: Times,
}

impl HttpServer {
    /// Listens at an address; port 0 asks the system for a free one. The file of a Unix socket gets `mode`.
    ///
    /// # Errors
    /// One line that says why that cannot be done.
    pub(crate) fn bind(listen: &Listen, mode: Option<u32>) -> Result<Self, String> {
        let failed = |error| format!("cannot listen on {listen}: {error}");
        let (listener, file) = Listener::bind(listen, mode).map_err(failed)?;
        let address = listener.address(file.as_ref()).map_err(failed)?;
        Ok(HttpServer { listener, address, file, times: TIMES })
    }

    /// The address that it listens at.
    pub(crate) fn address(&self) -> &Listen {
        &self.address
    }

    /// The file of its Unix socket, which is removed when it is dropped.
    pub(crate) fn take_file(&mut self) -> Option<SocketFile> {
        self.file.take()
    }

    /// Answers requests by `site`, for ever. It is a task of the [side thread](crate::side).
    pub(crate) async fn serve(self, site: impl Site) {
        let checks_host = matches!(&self.address, Listen::Tcp(address) if address.ip().is_loopback());
        let (site, times, mut places) = (Rc::new(site), self.times, Places::default());
        let listener = match self.listener.accepting() {
            Ok(listener) => listener,
            Err(error) => return log::error!("http: {error}"),
        };
        let mut was_refused = false;
        loop {
            places.room().await;
            let (stream, caller) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    if !std::mem::replace(&mut was_refused, true) {
                        log::warn!("http: no connection is accepted for now: {error}");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            was_refused = false;
            places.take(|place| {
                let connection = Connection { site: site.clone(), caller, checks_host, place };
                let served = tokio::time::timeout(times.all, connection.serve(stream, times.head));
                spawn_local(served).abort_handle()
            });
        }
    }
}

/// A connection, which takes one request.
struct Connection<S> {
    site: Rc<S>,
    caller: Caller,
    /// Whether requests must name this machine.
    checks_host: bool,
    place: Place,
}

impl<S: Site> Connection<S> {
    /// hyper answers by itself what is malformed (400) and too large (431), and ends what is too slow.
    async fn serve(self, stream: Box<dyn Stream>, head_time: Duration) {
        let service = service_fn(|request| self.answer(request));
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(head_time);
        server.max_buf_size(MAX_HEAD_BYTES).max_headers(MAX_HEADERS).keep_alive(false);
        // What was asked for whole is done, also if the client has nothing more to send, or is gone.
        server.half_close(true);
        // What is wrong with a connection is its client's business.
        let _ = server.serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let mut answer = if self.checks_host && !host::is_local(request.uri(), request.headers()) {
            line(StatusCode::FORBIDDEN, "the Host is none of localhost, 127.0.0.1 and [::1]")
        } else {
            match whole(request).await {
                Ok(mut request) => {
                    self.place.asks();
                    request.extensions_mut().insert(self.caller);
                    self.site.answer(request).await
                }
                Err(refusal) => refusal,
            }
        };
        self.place.is_answered();
        let headers = answer.headers_mut();
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        Ok(answer)
    }
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
