//! What a handler sends to its own connection comes in order with its replies.

use super::club::{ANSWER_SELF, CLOSE_SELF, ECHO, PUSHED, TO_SELF};
use super::common::{Frame, Reply, packet};
use super::server::Server;

#[test]
fn pushes_to_oneself_follow_the_replies_of_their_handler() {
    for workers in [1, 2] {
        let server = Server::new(workers);
        let mut guest = server.connect();
        // In one read, so that later packets are handled before other effects are applied.
        let requests: Vec<u8> = (0..100).flat_map(|flag| packet(TO_SELF, flag, &[flag as u8])).collect();
        guest.client.send(&requests);
        for flag in 0..100 {
            let text = [flag as u8];
            for _ in 0..2 {
                assert_eq!(guest.client.reply(), Reply::new(TO_SELF, flag, &text));
            }
            for what in ["send ", "broadcast ", "publish "] {
                guest.hear(&[what.as_bytes(), &text].concat());
            }
            if flag % 2 == 1 {
                assert_eq!(guest.client.reply(), Reply::refusal(TO_SELF, flag, 100));
            }
        }
        guest.hear_nothing();
    }
}

#[test]
fn a_push_to_oneself_comes_after_an_earlier_effect_on_oneself() {
    let server = Server::new(1);
    let mut guest = server.connect();
    guest.client.send(&[packet(ANSWER_SELF, 1, b"answer"), packet(ECHO, 2, b"next")].concat());
    guest.hear(b"before the answer");
    assert_eq!(guest.client.reply(), Reply::new(ANSWER_SELF, 1, b"answer"));
    guest.hear(b"after the answer");
    assert_eq!(guest.client.reply(), Reply::new(ECHO, 2, b"next"));

    guest.client.send(&[packet(CLOSE_SELF, 1, b""), packet(ECHO, 2, b"next")].concat());
    guest.client.expect_close(4200, "nothing comes after it");
}

#[test]
fn a_push_to_oneself_counts_against_the_outbox() {
    let server = Server::with(1, |config| {
        config.limits.max_len = 4096;
        config.output.outbox_limit = Some(10_000);
    });
    let mut guest = server.connect();
    guest.client.send_packet(TO_SELF, 0, &[7; 3000]);
    for _ in 0..2 {
        assert_eq!(guest.client.reply(), Reply::new(TO_SELF, 0, &[7; 3000]));
    }
    let Frame::Binary(push) = guest.client.next() else { panic!("one push fits") };
    assert_eq!(push.len(), 11 + 5 + 3000);
    guest.client.expect_close(4008, "the second one does not");
    assert_eq!(server.totals()[0].send_errors, 2, "{PUSHED}");
}
