//! A platform that fails again and again is not asked for a while.

use super::Server;
use super::common::eventually;
use super::platform::code_of;

#[test]
fn ten_failures_in_a_row_open_the_breaker() {
    let server = Server::start(&[]);
    for _ in 0..2 {
        for _ in 0..9 {
            assert_eq!(server.answer("html"), Err(6));
        }
        // Neither a refusal nor a fault of the configuration is the platform's.
        assert_eq!(server.answer("errcode-40029"), Err(7));
    }
    for _ in 0..10 {
        assert_eq!(server.answer("html"), Err(6));
    }
    let requests = server.platform.requests();
    for _ in 0..20 {
        assert_eq!(server.answer(&code_of("o1")), Err(6));
    }
    assert_eq!(server.platform.requests(), requests, "it is not asked");
    eventually("the log says so", || {
        server.log().contains("the platform failed 10 times in a row: logins are refused for 10s")
    });
}
