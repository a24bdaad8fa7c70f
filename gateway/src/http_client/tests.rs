//! Tests of the HTTP client against a server that answers whatever a case says.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::thread;

use serde_json::json;

use super::*;

/// Reads one request from a connection, answers with these bytes, and returns the request.
fn serve(mut stream: impl Read + Write, answer: &[u8]) -> String {
    let mut request = vec![];
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        request.extend(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() == length.map_or(0, |length| length.parse().unwrap()) {
            stream.write_all(answer).unwrap();
            return text;
        }
    }
}

fn on_tcp(answer: &'static [u8], ask: impl Fn(&HttpAddress)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let server = thread::spawn(move || serve(listener.accept().unwrap().0, answer));
    ask(&address);
    server.join().unwrap()
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn requests_have_a_token_and_answers_any_status() {
    let request = on_tcp(b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", |address| {
        let client = HttpClient::new(address, Some("secret"), None).unwrap();
        assert_eq!(client.get("/a?b=c", TIMEOUT).unwrap(), Answer { status: 503, body: b"busy".to_vec() });
    });
    assert!(request.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: Bearer secret\r\n"), "{request}");
    let request = on_tcp(OK, |address| {
        let client = HttpClient::new(address, None, None).unwrap();
        assert_eq!(client.post("/api/kick", &json!({ "id": "6" })).unwrap().body, b"ok");
    });
    assert!(request.contains("content-type: application/json\r\n"), "{request}");
    assert!(request.ends_with("{\"id\":\"6\"}") && !request.contains("authorization"), "{request}");
}

#[test]
fn a_request_can_have_less_time() {
    on_tcp(OK, |address| {
        let client = HttpClient::new(address, None, None).unwrap();
        let error = client.get("/", Duration::from_nanos(1)).unwrap_err();
        assert!(matches!(error, HttpError::TimedOut), "{error}");
        client.get("/", TIMEOUT).unwrap();
    });
}

#[test]
fn a_unix_socket_speaks_http_too() {
    let path = std::env::temp_dir().join(format!("sysconn-http-client-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || serve(listener.accept().unwrap().0, OK));
    let address = HttpAddress::Unix(path.clone());
    let client = HttpClient::new(&address, Some("secret"), None).unwrap();
    assert_eq!(client.post("/a", &json!({})).unwrap().body, b"ok");
    let request = server.join().unwrap();
    assert!(request.contains("host: 127.0.0.1\r\n") && request.contains("Bearer secret"), "{request}");
    std::fs::remove_file(&path).unwrap();
    let error = client.get("/", TIMEOUT).unwrap_err();
    assert!(matches!(error, HttpError::Unreachable(_)), "{error}");
}

#[test]
fn answers_that_are_none_are_errors() {
    for answer in [&b""[..], b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"] {
        on_tcp(answer, |address| {
            let error = HttpClient::new(address, None, None).unwrap().get("/", TIMEOUT).unwrap_err();
            assert!(matches!(error, HttpError::Failed(_)), "{error}");
        });
    }
    // A redirect is an answer, and nobody follows it.
    on_tcp(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", |address| {
        let client = HttpClient::new(address, Some("secret"), None).unwrap();
        assert_eq!(client.get("/", TIMEOUT).unwrap().status, 302);
    });
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = format!("http://{closed}").parse().unwrap();
    let error = HttpClient::new(&address, None, None).unwrap().get("/", TIMEOUT).unwrap_err();
    assert!(matches!(error, HttpError::Unreachable(_)), "{error}");
    assert!(HttpClient::new(&address, Some("a\nb"), None).is_err());
}
