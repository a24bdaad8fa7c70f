//! What the admin server's API answers: JSON, or a status and why it refuses.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Answer, HttpClient, TIMEOUT};
use crate::options::shown;

impl HttpClient {
    /// Gets a path of the API, with its query.
    ///
    /// # Errors
    /// One line that says why there is no such answer.
    pub(crate) fn get_api<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        self.get_api_within(path, TIMEOUT)
    }

    /// The same in this time, or in that of all requests if it is shorter.
    ///
    /// # Errors
    /// As those of [`get_api`](Self::get_api).
    pub(crate) fn get_api_within<T: DeserializeOwned>(
        &self,
        path: &str,
        time: Duration,
    ) -> Result<T, String> {
        let answer = self.get(path, time).map_err(|error| error.to_string())?;
        let body = accepted(answer)?;
        let place = path.split('?').next().unwrap_or_default();
        serde_json::from_slice(&body)
            .map_err(|error| format!("{place} is not what it should be: {}", shown(error.to_string())))
    }

    /// Has the API do something.
    ///
    /// # Errors
    /// One line that says why it was not done.
    pub(crate) fn post_api(&self, path: &str, json: &serde_json::Value) -> Result<(), String> {
        accepted(self.post(path, json).map_err(|error| error.to_string())?).map(drop)
    }
}

/// The body of an answer whose status is 200.
fn accepted(answer: Answer) -> Result<Vec<u8>, String> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    if answer.status == 200 {
        return Ok(answer.body);
    }
    let reason = match serde_json::from_slice::<Refusal>(&answer.body) {
        Ok(refusal) => shown(refusal.error),
        Err(_) => "this is not the admin server of sysconn".to_owned(),
    };
    let advice = if answer.status == 401 { " (--token-file FILE)" } else { "" };
    Err(format!("HTTP status {}: {reason}{advice}", answer.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_why() {
        let refused =
            |status, body: &str| accepted(Answer { status, body: body.as_bytes().to_vec() }).unwrap_err();
        assert_eq!(
            refused(404, r#"{"error":"no \u001b such thing"}"#),
            r"HTTP status 404: no \u{1b} such thing"
        );
        assert_eq!(refused(401, r#"{"error":"no"}"#), "HTTP status 401: no (--token-file FILE)");
        assert_eq!(refused(500, "<html>"), "HTTP status 500: this is not the admin server of sysconn");
    }
}
