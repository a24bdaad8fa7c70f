//! A handler that hangs is named while it hangs, and the admin server goes on.

use serde_json::json;

use super::common::{Client, eventually};
use super::figures::scrape;
use super::stage::{Stage, send};

const CONNECTIONS: &[u8] = b"GET /api/connections HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn block(client: &mut Client, ms: u32) {
    client.send_packet(1107, 1, &ms.to_be_bytes());
}

#[test]
fn a_handler_that_hangs_is_named_while_it_hangs() {
    for workers in ["1", "3"] {
        let stage = Stage::new(&["--diagnostics", "--workers", workers]);
        let mut client = stage.client();
        block(&mut client, 2500);
        eventually("it is named", || stage.json("/api/stats")["state"] == json!("stuck"));
        let stats = stage.json("/api/stats");
        let stuck = &stats["stuck"][0];
        assert_eq!((&stuck["cmd"], &stuck["name"]), (&json!(1107), &json!("echo.block")), "{stats}");
        let log = stage.log();
        let line = log.lines().find(|line| line.contains("] stall ")).expect(&log);
        assert!(line.contains("work=\"handler\" cmd=1107 name=\"echo.block\" ms="), "{line}");
        assert_eq!(log.matches("] stall ").count(), 1, "{log}");
        assert!(!log.contains("stall ended"), "{log}");
        let samples = scrape(&stage);
        assert_eq!(samples.get("sysconn_stalls_total{cmd=\"1107\"}"), Some(&1.0), "{samples:?}");
        // The reply has not come yet: all of this was while it hung.
        assert!(is_pending(&mut client));
        assert_eq!(client.reply().cmd, 1107);
        eventually("its end is told", || stage.log().contains("stall ended"));
        let log = stage.log();
        let line = log.lines().find(|line| line.contains("stall ended")).unwrap();
        let ms: u64 = line.rsplit_once("ms=").unwrap().1.trim().parse().unwrap();
        assert!(ms > 2000, "{line}");
        eventually("it serves", || stage.json("/api/stats")["state"] == json!("serving"));
        let commands = stage.json("/api/stats");
        let commands = commands["commands"].as_array().unwrap();
        assert!(
            commands.iter().any(|command| command["cmd"] == json!(1107) && command["stalls"] == json!(1))
        );
    }
}

/// Whether nothing has come yet.
fn is_pending(client: &mut Client) -> bool {
    client.stream.set_nonblocking(true).unwrap();
    let peeked = client.stream.peek(&mut [0]);
    client.stream.set_nonblocking(false).unwrap();
    peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

#[test]
fn what_needs_a_worker_that_hangs_is_late_and_nothing_else_is() {
    let stage = Stage::new(&["--diagnostics"]);
    let mut client = stage.client();
    block(&mut client, 8000);
    eventually("it is named", || stage.json("/api/stats")["state"] == json!("stuck"));
    // Many at once: some wait, and the others are refused at once.
    let admin = &stage.admin;
    std::thread::scope(|scope| {
        let late: Vec<_> = (0..20).map(|_| scope.spawn(|| send(admin, CONNECTIONS))).collect();
        for path in ["/metrics", "/api/stats", "/api/history", "/healthz", "/readyz", "/api/routes"] {
            assert_eq!(stage.get(path).status, 200, "{path}");
        }
        assert!(is_pending(&mut client), "all of these were answered while it hung");
        for late in late {
            let answer = late.join().unwrap();
            assert!(answer.status == 503 && answer.head.contains("retry-after: 1"), "{answer:?}");
        }
    });
    eventually("it is not healthy", || stage.get("/healthz").status == 503);
    let body = stage.get("/readyz").body;
    assert!(body.starts_with("worker 0 hangs in command 1107 for "), "{body}");
    assert_eq!(client.reply().cmd, 1107);
    eventually("it is healthy", || stage.get("/healthz").status == 200);
    assert_eq!(stage.get("/api/connections").status, 200);
}

#[test]
fn without_a_warning_time_there_is_no_watchdog() {
    let stage = Stage::new(&["--diagnostics", "--stall-warning", "0"]);
    let mut client = stage.client();
    block(&mut client, 300);
    client.reply();
    assert!(!stage.log().contains("] stall "));
    assert_eq!(stage.json("/api/stats")["totals"]["stalls"], json!(0));
}
