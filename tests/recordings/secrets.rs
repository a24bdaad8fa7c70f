//! Secrets that no recording may contain.

use sysconn::frame::Opcode;

use crate::common::{Client, Server, frame, join, message, packet, part, upgrade_of, zlib_stored};
use crate::recorded::{Directory, check, send_session, shown};

#[test]
fn secrets_are_in_no_recording() {
    const SECRET: &[u8] = b"open sesame";
    let lines = "Cookie: open sesame\r\nAuthorization: Bearer open sesame\r\nX-Token: open sesame\r\n";
    let upgrade = upgrade_of("/chat?token=open+sesame&other=open%20sesame", lines);
    let whole = message(1115, 3, 0, SECRET);
    let mut unmasked = vec![0x82, u8::try_from(whole.len()).unwrap()];
    unmasked.extend_from_slice(&whole);
    let fragments = |at: usize| {
        let (first, second) = whole.split_at(at);
        join(&[&part(false, Opcode::Binary, first), &part(true, Opcode::Continuation, second)])
    };
    let stored = frame(Opcode::Binary, &message(1115, 3, 1, &zlib_stored(SECRET)));
    let mut sessions = vec![
        packet(1115, 3, SECRET),
        stored,
        packet(7777, 3, SECRET),
        frame(Opcode::Binary, &whole[..15]),
        unmasked,
        frame(Opcode::Text, SECRET),
    ];
    sessions.extend((1..whole.len()).map(fragments));
    // A key of zeros leaves the payload unchanged.
    let mut plain = packet(1115, 3, SECRET);
    plain.truncate(2);
    plain.extend_from_slice(&[0; 4]);
    plain.extend_from_slice(&whole);
    sessions.push(plain);

    let directory = Directory::new();
    let server = Server::packets(&directory.config());
    let mut client = Client::connect(server.address);
    client.send_packet(1116, 3, SECRET);
    server.ticket().reply(SECRET);
    assert_eq!(client.reply().data, SECRET);
    drop(client);
    let mut sent = 1;
    for bytes in &sessions {
        for piece in [usize::MAX, 1, 3] {
            send_session(&server, &upgrade, bytes, piece);
            sent += 1;
        }
    }
    drop(server);
    let files = directory.files();
    assert_eq!(files.len(), sent);
    for file in &files {
        check(file, "a secret");
        let text = shown(file);
        assert!(!contains(file, SECRET) && !contains(file, b"sesame"), "{text}");
        // The secret does not appear when the recorded bytes are unmasked either: zeros replace it.
        assert!(!contains_unmasked(file, b"sesame"), "{text}");
    }
}

pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Whether a part shows when the bytes are unmasked, wherever the mask begins.
pub(crate) fn contains_unmasked(bytes: &[u8], part: &[u8]) -> bool {
    (0..4).any(|shift| {
        let unmasked: Vec<u8> = bytes
            .iter()
            .enumerate()
            .map(|(at, byte)| byte ^ [0x37, 0xfa, 0x21, 0x3d][(at + shift) % 4])
            .collect();
        contains(&unmasked, part)
    })
}
