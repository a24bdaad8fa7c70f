//! Requests that need no state of the client.

use sysconn::frame::Opcode;
use sysconn::sim::{End, Expected, ScriptRunner};

use crate::commands::{self, fate};

/// Data as a zlib stream of blocks that are not compressed (RFC 1950, RFC 1951 §3.2.4).
pub(crate) fn zlib_stored(data: &[u8]) -> Vec<u8> {
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in data {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let mut stream = vec![0x78, 0x01];
    for block in data.chunks(1000) {
        stream.push(0);
        stream.extend((block.len() as u16).to_le_bytes());
        stream.extend((!(block.len() as u16)).to_le_bytes());
        stream.extend(block);
    }
    stream.extend([0x01, 0x00, 0x00, 0xff, 0xff]);
    stream.extend(((b << 16) | a).to_be_bytes());
    stream
}

/// Requests a burst of replies.
pub(crate) fn burst(runner: &mut ScriptRunner) {
    let count = runner.random().below(40) as u16;
    let mut data = count.to_be_bytes().to_vec();
    data.resize(2 + runner.random().index(300), b'b');
    let flag = runner.request(commands::BURST, &data);
    for index in 0..count {
        let data = [&index.to_be_bytes(), &data[2..]].concat();
        runner.expect(Expected { error_id: 0, flag, cmd: commands::BURST, data: Some(data) });
    }
}

/// Requests pushes, now or later.
pub(crate) fn push(runner: &mut ScriptRunner) {
    let cmd = if runner.random().chance(0.5) { commands::PUSH } else { commands::PUSH_LATER };
    let (count, size) = (runner.random().below(10) as u16, runner.random().below(400) as u16);
    runner.request(cmd, &[count.to_be_bytes(), size.to_be_bytes()].concat());
}

/// Requests that the server closes the connection.
pub(crate) fn request_close(runner: &mut ScriptRunner) {
    if runner.random().chance(0.5) {
        let code = 4100 + runner.random().below(100) as u16;
        runner.request(commands::CLOSE, &code.to_be_bytes());
        runner.must_end(&[End::Closed(Some(code))]);
    } else {
        runner.request(commands::KICK, b"");
        runner.must_end(&[End::Closed(Some(4010))]);
    }
}

/// Sends a request whose Data the server cannot decode.
pub(crate) fn send_undecodable(runner: &mut ScriptRunner) {
    match runner.random().below(3) {
        0 => {
            runner.request(commands::PICKY, b"any");
        }
        1 => {
            runner.request(commands::LOGIN, b"no role");
        }
        _ => {
            let (_, mut packet) = runner.packet(commands::ECHO, b"neither zlib nor anything else");
            packet[2] = 1 + runner.random().below(255) as u8;
            runner.frame(true, Opcode::Binary, &packet);
        }
    }
    runner.must_end(&[End::Closed(Some(4001))]);
}

/// Links an object, which ends the connection, or closes it.
pub(crate) fn link(runner: &mut ScriptRunner) {
    let way = runner.random().below(3) as u8;
    let ms = runner.random().below(2000) as u16;
    let [a, b] = ms.to_be_bytes();
    runner.call(commands::LINK, &[way, a, b], b"");
    match way {
        fate::ENDS => runner.must_end(&[End::Closed(Some(4005))]),
        fate::CRASHES => runner.must_end(&[End::Closed(Some(4006))]),
        _ => runner.close(1000),
    }
}
