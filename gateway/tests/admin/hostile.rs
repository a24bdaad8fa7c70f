//! Requests that are slow, large or malformed, and too many of them.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::common::{PATIENCE, still_serves};
use super::stage::{Address, Stage, TOKEN};

/// More connections than the server keeps at one time.
const MANY: usize = 200;

fn connect(stage: &Stage) -> TcpStream {
    let Address::Tcp(address) = stage.admin else { panic!("{:?}", stage.admin) };
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn what_is_malformed_or_large_is_refused() {
    let stage = Stage::new(&[]);
    let head = format!(
        "POST /api/kick HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: \
         application/json\r\n"
    );
    let long = "x".repeat(100_000);
    for (request, status) in [
        (b"nonsense\r\n\r\n".to_vec(), 400),
        (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03".repeat(20), 400),
        (b"GET /api/stats HTTP/1.1\r\n\r\n".to_vec(), 403),
        (b"GET /api/../metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), 404),
        (b"GET /api/recordings/ HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), 404),
        (b"GET /api/recordings/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), 404),
        (format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nCookie: {long}\r\n\r\n").into_bytes(), 431),
        (format!("{head}Content-Length: 100000\r\n\r\n").into_bytes(), 413),
        (format!("{head}Content-Length: 10\r\n\r\n[[[[[[[[[[").into_bytes(), 400),
        (format!("{head}Content-Length: 60000\r\n\r\n{}", "[".repeat(60_000)).into_bytes(), 400),
        ([head.as_bytes(), b"Content-Length: 3\r\n\r\n\"\xff\""].concat(), 400),
        (b"PUT /api/stats HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), 401),
        (b"OPTIONS /api/kick HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), 401),
    ] {
        let answer = stage.send(&request);
        let is_cut = request.len() > 16 * 1024 && answer.status == 0;
        let shown = String::from_utf8_lossy(&request[..request.len().min(80)]).into_owned();
        assert!(is_cut || answer.status == status, "{shown}: {answer:?}");
    }
    still_serves(stage.program.address());
}

#[test]
fn clients_that_send_nothing_lock_nobody_out() {
    let stage = Stage::new(&[]);
    // Prometheus connects, with its request, before and among many that send nothing or half a request.
    let mut early = connect(&stage);
    early.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut scrapes = vec![early];
    let mut idle = vec![];
    for number in 0..MANY {
        let mut stream = connect(&stage);
        stream.write_all(if number % 2 == 0 { b"" } else { b"GET / HTTP/1.1\r\nHost: loc" }).unwrap();
        idle.push(stream);
        if number % 40 == 0 {
            let mut scrape = connect(&stage);
            scrape.write_all(b"GET /api/stats HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            scrapes.push(scrape);
        }
    }
    for (number, mut scrape) in scrapes.into_iter().enumerate() {
        let mut answer = String::new();
        scrape.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{number}: {answer}");
    }
    still_serves(stage.program.address());
}
