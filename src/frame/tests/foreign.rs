//! The codec against another implementation, tungstenite.

use std::io::{Cursor, Read, Write};

use tungstenite::protocol::{Message, Role as Side, WebSocket, WebSocketConfig};

use super::*;

/// A socket whose peer has already sent all that it will.
struct Pipe {
    incoming: Cursor<Vec<u8>>,
    outgoing: Vec<u8>,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.incoming.read(buffer)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.outgoing.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn understands_tungstenite_and_is_understood() {
    let things = [
        Thing::Binary(vec![]),
        Thing::Text("κόσμε 😀".into()),
        Thing::Ping(b"ping".to_vec()),
        Thing::Binary((0..126).collect()),
        Thing::Binary(vec![9; 65_535]),
        Thing::Binary(vec![9; 65_536]),
        Thing::Pong(vec![1; 125]),
    ];
    let mut ours = Vec::new();
    for thing in &things {
        match thing {
            Thing::Text(text) => push_frame(&mut ours, Opcode::Text, text.as_bytes()),
            Thing::Binary(bytes) => push_frame(&mut ours, Opcode::Binary, bytes),
            Thing::Ping(payload) => push_frame(&mut ours, Opcode::Ping, payload),
            Thing::Pong(payload) => push_frame(&mut ours, Opcode::Pong, payload),
            Thing::Close(_) => {}
        }
    }
    push_close(&mut ours, CloseCode::new(4007), "replaced");
    let pipe = Pipe { incoming: Cursor::new(ours), outgoing: Vec::new() };
    let mut client = WebSocket::from_raw_socket(pipe, Side::Client, Some(WebSocketConfig::default()));
    for thing in &things {
        let message = match thing.clone() {
            Thing::Text(text) => Message::Text(text.into()),
            Thing::Binary(bytes) => Message::Binary(bytes.into()),
            Thing::Ping(payload) => Message::Ping(payload.into()),
            Thing::Pong(payload) => Message::Pong(payload.into()),
            Thing::Close(_) => Message::Close(None),
        };
        client.send(message.clone()).unwrap();
        let sent = std::mem::take(&mut client.get_mut().outgoing);
        assert!(drain_pieces(&sent, &[1000, 7], &SERVER).0 == [thing.clone()]);
        assert!(client.read().unwrap() == message);
        client.flush().unwrap();
        client.get_mut().outgoing.clear();
    }
    match client.read().unwrap() {
        Message::Close(Some(close)) => {
            assert_eq!((u16::from(close.code), close.reason.as_str()), (4007, "replaced"))
        }
        other => panic!("{other:?}"),
    }
    client.flush().unwrap_or_default();
    let answer = &client.get_ref().outgoing;
    assert_eq!(drain_pieces(answer, &[1], &SERVER), (vec![Thing::Close(Some(4007))], Ok(())));
}
