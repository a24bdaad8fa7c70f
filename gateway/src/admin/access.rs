//! Who may ask for what: the token, and where it is needed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{HeaderMap, Method, Request};

use super::error::{JSON, Refusal};
use super::token::AdminToken;
use crate::http::Caller;
use crate::line_allowance::LineAllowance;
use crate::tally::Tally;

/// The rule of one server.
pub(super) struct Access {
    token: Option<Arc<AdminToken>>,
    /// Whether others than this machine can connect.
    is_exposed: bool,
    wrong_tokens: Mutex<LineAllowance>,
}

impl Access {
    pub(super) fn new(token: Option<Arc<AdminToken>>, is_exposed: bool) -> Self {
        Access { token, is_exposed, wrong_tokens: Mutex::default() }
    }

    /// Checks who sends a request for figures, or one that acts (a POST).
    ///
    /// # Errors
    /// Why it is refused.
    pub(super) fn check(&self, request: &Request<Bytes>, caller: Caller) -> Result<(), Refusal> {
        let acts = !matches!(*request.method(), Method::GET | Method::HEAD);
        if acts || self.is_exposed {
            self.check_token(request.headers(), caller)?;
        }
        Ok(())
    }

    fn check_token(&self, headers: &HeaderMap, caller: Caller) -> Result<(), Refusal> {
        let Some(token) = &self.token else {
            return Err(Refusal::Forbidden(
                "this needs a token, and --admin-token-file is not given".to_owned(),
            ));
        };
        match bearer(headers) {
            Some(given) if token.is(given) => Ok(()),
            Some(_) => {
                self.tell(caller);
                Err(Refusal::Token)
            }
            None => Err(Refusal::Token),
        }
    }

    /// Counts a wrong token, and logs it unless there are too many.
    #[expect(clippy::disallowed_methods, reason = "the side thread reads its own clock")]
    fn tell(&self, caller: Caller) {
        Tally::WrongToken.count();
        let mut lines = self.wrong_tokens.lock().unwrap_or_else(PoisonError::into_inner);
        match lines.take(Instant::now()) {
            None => Tally::LinesOfAdmin.count(),
            Some(0) => log::warn!("admin: {caller} sent a wrong token"),
            Some(left_out) => {
                log::warn!(
                    "admin: {caller} sent a wrong token ({left_out} lines like this were left out before)"
                );
            }
        }
    }
}

/// The token of a request, if it has one and no second one.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

/// Checks the body of a request that acts: it has to be JSON by its type. A page of the web cannot send this
/// type to another origin unasked.
///
/// # Errors
/// It is another type, or none.
pub(super) fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    if is_json(headers) { Ok(()) } else { Err(Refusal::ContentType) }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let value = value.to_str().unwrap_or_default();
    value.split(';').next().is_some_and(|value| value.trim().eq_ignore_ascii_case(JSON))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_token_is_that_of_one_bearer() {
        for (lines, expected) in [
            (&[][..], None),
            (&[("authorization", "Bearer abc")], Some(&b"abc"[..])),
            (&[("authorization", "bearer  abc ")], Some(b"abc")),
            (&[("authorization", "Basic abc")], None),
            (&[("authorization", "Bearer")], None),
            (&[("authorization", "Bearer ")], None),
            (&[("authorization", "Bearer a"), ("authorization", "Bearer b")], None),
        ] {
            assert_eq!(bearer(&headers(lines)).filter(|token| !token.is_empty()), expected, "{lines:?}");
        }
    }

    #[test]
    fn json_is_one_type() {
        for (lines, expected) in [
            (&[][..], false),
            (&[("content-type", "application/json")], true),
            (&[("content-type", "Application/JSON; charset=utf-8")], true),
            (&[("content-type", "text/plain")], false),
            (&[("content-type", "text/plain, application/json")], false),
            (&[("content-type", "application/json"), ("content-type", "text/plain")], false),
        ] {
            assert_eq!(is_json(&headers(lines)), expected, "{lines:?}");
        }
    }
}
