//! Upgrade requests that are refused, and the status of each.

use std::time::Duration;

use crate::sim::{End, Next, Random, Script, ScriptRunner};

/// A change to a valid request, and the status that answers it.
type Case = (fn(&str) -> Vec<u8>, u16);

const CASES: [Case; 24] = [
    (|_| b"\r\n\r\n\r\n\r\n".to_vec(), 400),
    (|_| b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), 400),
    (|_| b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 400),
    (|valid| valid.replace("GET", "POST").into(), 405),
    (|valid| valid.replace("GET ", "GET  ").into(), 400),
    (|valid| valid.replace("HTTP/1.1", "HTTP/1.0").into(), 400),
    (|valid| valid.replace("Host: simulated\r\n", "").into(), 400),
    (|valid| valid.replace("Host: simulated\r\n", "Host: a\r\nHost: b\r\n").into(), 400),
    (|valid| valid.replace("Upgrade: websocket\r\n", "").into(), 426),
    (|valid| valid.replace("Upgrade: websocket", "Upgrade: h2c").into(), 426),
    (|valid| valid.replace("Upgrade: websocket", "Upgrade : websocket").into(), 400),
    (|valid| valid.replace("Connection: Upgrade", "Connection: keep-alive").into(), 426),
    (|valid| valid.replace("Version: 13", "Version: 12").into(), 426),
    (|valid| valid.replace("Sec-WebSocket-Version: 13\r\n", "").into(), 426),
    (|valid| valid.replace("Key: ", "Key: AAAA").into(), 400),
    (|valid| valid.replace("Sec-WebSocket-Key", "X-Key").into(), 400),
    (|valid| valid.replace("==\r\n", "!!\r\n").into(), 400),
    (|valid| with_header(valid, "Transfer-Encoding: chunked"), 400),
    (|valid| with_header(valid, "Content-Length: 5"), 400),
    (|valid| with_header(valid, "X-Folded: a\r\n b"), 400),
    (|valid| with_header(valid, "X-Nul: \0"), 400),
    (|valid| with_header(valid, "X-A: 1\rX-B: 2"), 400),
    (|valid| with_header(valid, &format!("X-Long: {}", "a".repeat(9000))), 431),
    (|valid| with_header(valid, &"X: y\r\n".repeat(70)), 431),
];

fn with_header(valid: &str, header: &str) -> Vec<u8> {
    valid.replace("Connection:", &format!("{header}\r\nConnection:")).into()
}

/// A client that sends a wrong upgrade request, whole or in pieces, or leaves before it is complete.
#[derive(Clone, Copy, Debug)]
pub struct Upgrades {
    case: usize,
    manner: u64,
    step: u32,
}

impl Upgrades {
    /// Wrong in a random way.
    #[must_use]
    pub fn any(random: &mut Random) -> Self {
        Upgrades { case: random.index(CASES.len()), manner: random.below(8), step: 0 }
    }
}

impl Script for Upgrades {
    fn act(&mut self, runner: &mut ScriptRunner) -> Next {
        self.step += 1;
        let valid = String::from_utf8(runner.upgrade_request("/")).unwrap_or_default();
        let cut = runner.random().index(valid.len());
        match (self.manner, self.step) {
            // Leaves before the request is complete.
            (0, 1) => {
                runner.raw(valid.as_bytes().get(..cut).unwrap_or_default());
                Next::After(Duration::from_millis(cut as u64 % 5))
            }
            (0, _) if cut.is_multiple_of(2) => {
                runner.reset();
                Next::Rest
            }
            (0, _) => {
                runner.half_close();
                Next::Rest
            }
            (manner, 1) => {
                if manner == 1 {
                    let piece = 10 + runner.random().index(50);
                    runner.set_pace(piece, Duration::from_millis(2));
                }
                if let Some((spoil, status)) = CASES.get(self.case) {
                    runner.raw(&spoil(&valid));
                    runner.must_end(&[End::Refused(*status)]);
                }
                Next::Rest
            }
            _ => Next::Rest,
        }
    }
}
