//! Handlers that a client can make panic.

use crate::common::{Reply, join, packet};
use crate::stage::{Case, Setup, play};

#[test]
fn panics() {
    play(CASES);
}

const DIAGNOSTICS: Setup = Setup::Serve(&["--diagnostics"]);

pub(crate) const CASES: &[Case] = &[
    Case::new("pa-01", DIAGNOSTICS, |stage| {
        let mut client = stage.client();
        client.send(&join(&[
            &packet(1101, 1, b"before"),
            &packet(1106, 2, b""),
            &packet(1101, 3, b"behind"),
        ]));
        assert_eq!(client.reply(), Reply::new(1101, 1, b"before"));
        client.expect_close(1011, "a panic");
    }),
    Case::new("pa-02", DIAGNOSTICS, |stage| {
        let before = stage.program.log().len();
        let grown =
            stage.grown(|| (0..1000).for_each(|_| stage.closes("a panic", &packet(1106, 2, b""), 1011)));
        assert!(grown < 1 << 20, "{grown}");
        let log = stage.program.log().split_off(before);
        let panics = String::from_utf8_lossy(&log).into_owned();
        let logged: usize = panics.lines().filter(|line| line.contains("panic")).map(str::len).sum();
        assert!(logged <= 32 * 1024, "{logged} bytes of log");
    }),
];
