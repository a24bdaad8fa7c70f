//! The files of the dashboard, compressed for those who take that.

use std::io::{Read, Write};
use std::net::TcpStream;

use flate2::read::GzDecoder;

use super::common::PATIENCE;
use super::stage::{Address, Stage};

const HTML: &str = include_str!("../../dashboard/index.html");
const UPLOT: &str = include_str!("../../dashboard/uplot/uPlot.iife.min.js");

/// The head and the body of an answer.
fn exchange(stage: &Stage, request: &str) -> (String, Vec<u8>) {
    let Address::Tcp(address) = stage.admin else { panic!("{:?}", stage.admin) };
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = vec![];
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").unwrap() + 4;
    let body = bytes.split_off(end);
    (String::from_utf8(bytes).unwrap(), body)
}

fn decompressed(body: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(body).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn files_are_compressed_for_those_who_take_that() {
    let stage = Stage::new(&[]);
    for (accept, is_compressed) in [
        ("", false),
        ("Accept-Encoding: gzip, deflate, br, zstd\r\n", true),
        ("Accept-Encoding: br;q=1, gzip;q=0.5\r\n", true),
        ("Accept-Encoding: *\r\n", true),
        ("Accept-Encoding: gzip;q=0, *\r\n", false),
        ("Accept-Encoding: identity\r\n", false),
        ("Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n", true),
    ] {
        for (path, content_type, text) in [
            ("/", "text/html; charset=utf-8", HTML),
            ("/dashboard/uplot/uPlot.iife.min.js", "text/javascript; charset=utf-8", UPLOT),
        ] {
            let rest = format!("{path} HTTP/1.1\r\nHost: localhost\r\n{accept}\r\n");
            let (head, body) = exchange(&stage, &format!("GET {rest}"));
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{accept}{path}: {head}");
            let says_so = head.contains("\r\ncontent-encoding: gzip\r\n");
            assert_eq!(says_so, is_compressed, "{accept}{path}: {head}");
            let got =
                if is_compressed { decompressed(&body) } else { String::from_utf8(body.clone()).unwrap() };
            assert!(got == text, "{accept}{path}");
            assert_eq!(body.len() < text.len(), is_compressed, "{accept}{path}");
            for line in [
                &format!("content-type: {content_type}"),
                &format!("content-length: {}", body.len()),
                "vary: Accept-Encoding",
                "cache-control: no-store",
                "x-content-type-options: nosniff",
                "content-security-policy: default-src 'self'; base-uri 'none'; form-action 'none'; \
                 frame-ancestors 'none'",
            ] {
                assert!(head.contains(&format!("\r\n{line}\r\n")), "{accept}{path}: {line}: {head}");
            }
            let without_date = |head: &str| {
                let lines = head.lines().filter(|line| !line.starts_with("date:"));
                lines.collect::<Vec<_>>().join("\n")
            };
            let (of_head, nothing) = exchange(&stage, &format!("HEAD {rest}"));
            assert_eq!(without_date(&of_head), without_date(&head), "{accept}{path}");
            assert!(nothing.is_empty(), "{accept}{path}");
        }
    }
}
