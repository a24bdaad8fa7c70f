//! The HTTP handshake: find the end of the head, check it, write the answer.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sysconn::upgrade::{HeadScanner, Policy, Refusal, check, write_response};

/// What a program that is no browser sends.
const SMALL: &str = "GET /game HTTP/1.1\r\nHost: game.test:9001\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// What a browser sends.
const BROWSER: &str = "GET /game?zone=7 HTTP/1.1\r\nHost: game.test:9001\r\nConnection: Upgrade\r\n\
    Pragma: no-cache\r\nCache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \
    (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\nOrigin: https://game.test\r\n\
    Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
/// The answer to the key of both (RFC 6455 §1.3).
const ACCEPT: &[u8] = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A head of 64 lines.
fn long() -> String {
    let more: String = (0..59).map(|index| format!("X-Header-{index}: {}\r\n", "v".repeat(40))).collect();
    SMALL.replacen("Upgrade:", &(more + "Upgrade:"), 1)
}

fn upgrade(head: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, Refusal> {
    let end = HeadScanner::default().scan(head)?;
    check(head, &Policy::default(), |request| write_response(request, None, out))?;
    Ok(end)
}

fn handshake(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("upgrade");
    for (name, head) in [("small", SMALL.to_owned()), ("browser", BROWSER.to_owned()), ("64 lines", long())] {
        let head = head.as_bytes();
        let mut out = Vec::new();
        assert_eq!(upgrade(head, &mut out), Ok(Some(head.len())));
        assert!(out.ends_with(ACCEPT));
        group.throughput(Throughput::Bytes(head.len() as u64));
        group.bench_function(format!("{name}/scan"), |bencher| {
            bencher.iter(|| HeadScanner::default().scan(black_box(head)));
        });
        group.bench_function(format!("{name}/whole"), |bencher| {
            bencher.iter(|| {
                out.clear();
                upgrade(black_box(head), &mut out)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, handshake);
criterion_main!(benches);
