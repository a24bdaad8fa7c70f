//! Upgrade requests.

use sysconn::upgrade::{HeadScanner, Policy, Refusal, check, write_response};

/// The request of a program that is not a browser.
pub(crate) const SMALL: &str = "GET /game HTTP/1.1\r\nHost: game.test:9001\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// The request of a browser.
pub(crate) const BROWSER: &str = "GET /game?zone=7 HTTP/1.1\r\nHost: game.test:9001\r\nConnection: Upgrade\r\n\
    Pragma: no-cache\r\nCache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 \
    (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\nOrigin: https://game.test\r\n\
    Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
/// The end of the answer to the key of both requests (RFC 6455 §1.3).
pub(crate) const ACCEPT: &[u8] = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A head of 64 lines.
pub(crate) fn long() -> String {
    let more: String = (0..59).map(|index| format!("X-Header-{index}: {}\r\n", "v".repeat(40))).collect();
    SMALL.replacen("Upgrade:", &(more + "Upgrade:"), 1)
}

/// Where the head ends.
pub(crate) fn scan(head: &[u8]) -> Result<Option<usize>, Refusal> {
    HeadScanner::default().scan(head)
}

/// All work for a head: finds its end, checks it, writes the answer to the front of `out`.
pub(crate) fn upgrade(head: &[u8], out: &mut Vec<u8>) -> Result<Option<usize>, Refusal> {
    out.clear();
    let end = scan(head)?;
    check(head, &Policy::default(), |request| write_response(request, None, out))?;
    Ok(end)
}
