//! The responses of refusals. `tests/upgrade_table/` has the requests.

use super::{Fault, Refusal};

#[test]
fn each_refusal_is_a_complete_response() {
    let close = "Connection: close\r\n";
    let allow = "Connection: close\r\nAllow: GET\r\n";
    let upgrade = "Connection: close, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    let retry = "Connection: close\r\nRetry-After: 5\r\n";
    for (refusal, status_line, headers) in [
        (Refusal::BadRequest(Fault::Key), "400 Bad Request", close),
        (Refusal::Forbidden, "403 Forbidden", close),
        (Refusal::NotFound, "404 Not Found", close),
        (Refusal::MethodNotAllowed, "405 Method Not Allowed", allow),
        (Refusal::TooSlow, "408 Request Timeout", close),
        (Refusal::UpgradeRequired, "426 Upgrade Required", upgrade),
        (Refusal::TooManyConnections, "429 Too Many Requests", retry),
        (Refusal::HeadTooLarge, "431 Request Header Fields Too Large", close),
        (Refusal::Unavailable, "503 Service Unavailable", retry),
        (Refusal::Application(400), "400 Bad Request", close),
        (Refusal::Application(401), "401 Unauthorized", close),
        (Refusal::Application(409), "409 Conflict", close),
        (Refusal::Application(410), "410 Gone", close),
        (Refusal::Application(426), "426 Upgrade Required", upgrade),
        (Refusal::Application(500), "500 Internal Server Error", close),
        (Refusal::Application(599), "599 Refused", close),
        (Refusal::Application(399), "403 Forbidden", close),
        (Refusal::Application(600), "403 Forbidden", close),
        (Refusal::Application(101), "403 Forbidden", close),
    ] {
        // The response is appended.
        let mut out = b"before".to_vec();
        refusal.write(&mut out);
        let (text, length) = (refusal.text(), refusal.text().len() + 1);
        let expected = format!(
            "beforeHTTP/1.1 {status_line}\r\nContent-Type: text/plain\r\n\
             Content-Length: {length}\r\n{headers}\r\n{text}\n"
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        // A HEAD gets no body, but its length.
        let mut out = b"before".to_vec();
        refusal.write_to_head(&mut out);
        assert_eq!(format!("{}{text}\n", String::from_utf8(out).unwrap()), expected);
        assert_eq!(format!("{} {}", refusal.status(), refusal.reason()), status_line);
        assert_eq!(refusal.to_string(), format!("{status_line}: {text}"));
    }
}

#[test]
fn each_reason_has_a_unique_line() {
    let mut seen = Vec::new();
    let malformed = Fault::ALL.map(Refusal::BadRequest);
    for refusal in malformed.into_iter().chain(Refusal::PLAIN).chain([Refusal::Application(403)]) {
        let text = refusal.text();
        assert!(text.len() > 10 && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text}");
        assert!(!seen.contains(&text), "{refusal:?}: {text}");
        seen.push(text);
    }
}
