//! Why a request is not answered with what it asks for.

use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::json;

use crate::http::{Answer, answer, with};

/// The type of JSON.
pub(super) const JSON: &str = "application/json";

/// A refusal of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A parameter or a body that cannot be used.
    Bad(String),
    /// No token, or another one.
    Token,
    /// What nobody may do here, and why.
    Forbidden(String),
    /// There is no such thing.
    NotFound(&'static str),
    /// Another method is meant.
    Method(&'static str),
    /// The body of a POST is not JSON by its type.
    ContentType,
    /// Too much is asked for at once.
    Busy,
    /// A worker, or the game, has not answered in time.
    Late,
    /// Something beside the game has failed.
    Unavailable(String),
    /// The game has not answered as it should.
    Game(String),
}

impl Refusal {
    /// The answer, as JSON.
    pub(super) fn answer(self) -> Answer {
        let (status, text) = match &self {
            Refusal::Bad(text) => (StatusCode::BAD_REQUEST, text.as_str()),
            Refusal::Token => (StatusCode::UNAUTHORIZED, "this needs Authorization: Bearer and the token"),
            Refusal::Forbidden(text) => (StatusCode::FORBIDDEN, text.as_str()),
            Refusal::NotFound(text) => (StatusCode::NOT_FOUND, *text),
            Refusal::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, "another method is meant for this path"),
            Refusal::ContentType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "a POST needs Content-Type: application/json")
            }
            Refusal::Busy => (StatusCode::SERVICE_UNAVAILABLE, "too many requests like this are under way"),
            Refusal::Late => (
                StatusCode::SERVICE_UNAVAILABLE,
                "a worker did not answer in time; what was asked for may still be done",
            ),
            Refusal::Unavailable(text) => (StatusCode::SERVICE_UNAVAILABLE, text.as_str()),
            Refusal::Game(text) => (StatusCode::BAD_GATEWAY, text.as_str()),
        };
        let body = answer(status, JSON, json!({ "error": text }).to_string());
        match self {
            Refusal::Token => with(body, WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Refusal::Method(allowed) => with(body, ALLOW, HeaderValue::from_static(allowed)),
            Refusal::Busy | Refusal::Late => with(body, RETRY_AFTER, HeaderValue::from_static("1")),
            _ => body,
        }
    }
}
