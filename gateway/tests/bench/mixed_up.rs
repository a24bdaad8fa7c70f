//! Servers that mix their clients up: what is for one goes to another.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use tungstenite::{Message, WebSocket, accept};

use crate::run_briefly;

/// An echo server that sends each message to the other connection of a pair.
fn crossing_echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut pair = [0; 2].map(|_| Some(accept(listener.accept().unwrap().0).unwrap()));
        let outputs = pair.each_ref().map(|socket| socket.as_ref().unwrap().get_ref().try_clone().unwrap());
        let [first, second] = outputs;
        for (socket, other) in pair.iter_mut().zip([second, first]) {
            let mut socket = socket.take().unwrap();
            thread::spawn(move || {
                let mut other = WebSocket::from_raw_socket(other, tungstenite::protocol::Role::Server, None);
                while let Ok(message) = socket.read() {
                    if message.is_close() || other.send(message).is_err() {
                        break;
                    }
                }
            });
        }
    });
    url
}

#[test]
fn a_reply_that_reaches_another_connection_is_not_what_it_should_be() {
    for arguments in [
        &[][..],
        &["--rate", "200"],
        &["--size", "10000"],
        &["--size", "10000", "--rate", "200"],
        &["--size", "4096", "--pipeline", "4"],
        &["--pipeline", "16"],
    ] {
        let fixed = ["--echo", "--connections", "2", "--timeout", "300ms"];
        let (status, figures) = run_briefly(&crossing_echo(), &[&fixed[..], arguments].concat());
        let lines = figures["differences"].to_string();
        assert!(status == 1 && lines.contains("not what"), "{arguments:?}: {figures}");
        assert_eq!(figures["answered"], 0, "{arguments:?}: {figures}");
    }
}

/// A server with one room whose first member is sent all that all should be sent.
fn unfair_room(members: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut first: Option<Arc<Mutex<TcpStream>>> = None;
        for tcp in listener.incoming() {
            let socket = accept(tcp.unwrap()).unwrap();
            let own = Arc::new(Mutex::new(socket.get_ref().try_clone().unwrap()));
            let first = Arc::clone(first.get_or_insert_with(|| Arc::clone(&own)));
            thread::spawn(move || serve(socket, &own, &first, members));
        }
    });
    url
}

/// A client of it. Whatever is written is a whole frame.
fn serve(mut socket: WebSocket<TcpStream>, own: &Mutex<TcpStream>, first: &Mutex<TcpStream>, members: usize) {
    let write = |to: &Mutex<TcpStream>, head: &[u8], data: &[u8]| {
        let packet = [&[0, 0], &(data.len() as u16).to_be_bytes()[..], &[0], head, data].concat();
        let frame = [&[0x82, packet.len() as u8][..], &packet].concat();
        // The client may have gone.
        let _ = to.lock().unwrap().write_all(&frame);
    };
    while let Ok(Message::Binary(request)) = socket.read() {
        // DataSize:16 DataStatus:8 Flag:32 Cmd:16 Data
        let (head, data) = request[3..].split_at(6);
        write(own, head, &[]);
        if head[4..] == 1203_u16.to_be_bytes() {
            // The text is the third field of what is pushed, and the second of what is said.
            let (room, text) = data.split_at(2 + usize::from(data[1]));
            let said = [room, &[0x1a], &text[1..]].concat();
            for _ in 0..members {
                write(first, &[&[0; 4], &1210_u16.to_be_bytes()[..]].concat(), &said);
            }
        }
    }
    let _ = socket.get_ref().shutdown(std::net::Shutdown::Both);
}

#[test]
fn a_member_that_is_sent_what_is_for_others_is_a_difference() {
    for members in [2, 4] {
        let url = unfair_room(members);
        let count = members.to_string();
        let arguments = ["--fan-out", &count, "--connections", &count, "--timeout", "5s", "--size", "16"];
        let (status, figures) = run_briefly(&url, &arguments);
        let line = format!("{members} members were not sent each text of the room once");
        assert_eq!((status, &figures["differences"]), (1, &[line].into()), "{figures}");
        assert_eq!(figures["delivered"], figures["deliveries_due"], "{figures}");
        assert_eq!(figures["misdelivered"], members, "{figures}");
    }
}
