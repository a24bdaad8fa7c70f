//! A small HTTP server on the side thread, beside the reactors, for pages and figures. What a client
//! does, slow, large or malformed, costs it a bounded part of that thread, and the game nothing.

mod coding;
mod host;
mod listener;
mod places;
mod server;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

pub(crate) use coding::takes_gzip;
pub(crate) use host::is_local_origin;
pub(crate) use listener::Caller;
pub(crate) use places::MAX_CONNECTIONS;
pub(crate) use server::HttpServer;

/// The policy of answers that have none of their own: what is here uses only itself, and no other page can
/// put it in a frame.
pub(crate) const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A whole answer.
pub(crate) type Answer = Response<Full<Bytes>>;

/// The paths of a server, and what is at each.
pub(crate) trait Site: 'static {
    /// Answers a request, whose body has been read. The server adds the headers that every answer has.
    /// Requests are answered at the same time, on one thread: it must not block.
    async fn answer(&self, request: Request<Bytes>) -> Answer;
}

/// An answer with a body of that type.
pub(crate) fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Answer::new(Full::new(body.into()));
    *answer.status_mut() = status;
    with(answer, CONTENT_TYPE, HeaderValue::from_static(content_type))
}

/// An answer that is one line of text.
pub(crate) fn line(status: StatusCode, text: &str) -> Answer {
    answer(status, "text/plain; charset=utf-8", format!("{text}\n"))
}

/// An answer with one more header, in place of any that it has by this name.
pub(crate) fn with(mut answer: Answer, name: HeaderName, value: HeaderValue) -> Answer {
    answer.headers_mut().insert(name, value);
    answer
}

/// The refusal of a request that does not only read. None: it does.
pub(crate) fn unless_read(method: &Method) -> Option<Answer> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let refusal = line(StatusCode::METHOD_NOT_ALLOWED, "the method is neither GET nor HEAD");
    Some(with(refusal, ALLOW, HeaderValue::from_static("GET, HEAD")))
}
