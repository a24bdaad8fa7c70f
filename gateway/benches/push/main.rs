//! A push to all members of a room: what the server pays for each that it reaches, beside a bare `write` of
//! the same bytes.
//!
//! `sysconn serve` and a loop of writes have 10,000 sockets each, whose other ends are held by a process
//! that only reads. Rounds alternate, and what counts is the CPU time of the two servers in the same round.
//!
//! ```text
//! cargo bench --bench push [-- ROUNDS [MEMBERS [SERVER]]]
//! ```
//!
//! SERVER is another build of the program, to be compared with.

mod fleet;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use fleet::{Fleet, Helper, Result, middle, packet, pin};

const ROUNDS: usize = 13;
const MEMBERS: usize = 10_000;
/// Pushes in one round.
const PUSHES: usize = 8;
/// Lengths of what is said.
const TEXTS: [usize; 3] = [32, 1024, 8000];
/// The servers run on one core, the clients on another.
const SERVER_CPU: usize = 0;
const CLIENT_CPU: usize = 1;

fn main() -> Result {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bare", members] => bare(members.parse()?),
        ["readers", address, members] => readers(address.parse()?, members.parse()?),
        _ => {
            let number = |index: usize, default| {
                arguments.get(index).map_or(Ok(default), |argument: &String| argument.parse())
            };
            let server = arguments.get(2).map_or(env!("CARGO_BIN_EXE_sysconn"), String::as_str);
            compare(number(0, ROUNDS)?, number(1, MEMBERS)?, server)
        }
    }
}

/// A server and those who read from it.
struct Side {
    server: Helper,
    readers: Helper,
}

impl Side {
    fn new(mut server: Helper, members: usize) -> Result<Self> {
        let address = server.listening()?;
        let mut readers = Helper::copy(&["readers", &address, &members.to_string()])?;
        if readers.hear()? != "ready" {
            return Err("the readers are not ready".into());
        }
        Ok(Side { server, readers })
    }

    /// What one push costs the server for each member, in nanoseconds.
    fn push(&mut self, trigger: &[u8], bytes: usize, members: usize) -> Result<f64> {
        let before = self.server.cpu_ns()?;
        let hex: String = trigger.iter().map(|byte| format!("{byte:02x}")).collect();
        self.readers.tell(&format!("{PUSHES} {bytes} {hex}"))?;
        self.readers.hear()?;
        Ok((self.server.cpu_ns()? - before) as f64 / (PUSHES * members) as f64)
    }
}

fn compare(rounds: usize, members: usize, server: &str) -> Result {
    let mut command = Command::new(server);
    command.args(["serve", "--listen", "127.0.0.1:0", "--max-connections-per-ip", "0"]);
    command.args(["--client-check", "0", "--read-timeout", "0", "--ping-interval", "0"]);
    command.args(["--cpu", &SERVER_CPU.to_string()]);
    let mut ours = Side::new(Helper::start(&mut command)?, members)?;
    let mut bare = Side::new(Helper::copy(&["bare", &members.to_string()])?, members)?;
    println!(
        "{members} members, {rounds} rounds of {PUSHES} pushes; ns of CPU for each member, and the ratio"
    );
    for text_len in TEXTS {
        let said = say(text_len);
        let frame_len = pushed_len(text_len);
        let (mut times, mut bare_times, mut ratios) = (vec![], vec![], vec![]);
        for round in 0..=rounds {
            // The one who says it gets an empty reply beside.
            let time = ours.push(&said, members * frame_len + 13, members)?;
            let bare_time = bare.push(&(frame_len as u32).to_be_bytes(), members * frame_len, members)?;
            if round > 0 {
                times.push(time);
                bare_times.push(bare_time);
                ratios.push(time / bare_time);
            }
        }
        let (ratio, least, greatest) = middle(ratios);
        println!(
            "{frame_len:6} bytes: {:6.0} / {:6.0} = {ratio:.3} ({least:.3} to {greatest:.3})",
            middle(times).0,
            middle(bare_times).0
        );
    }
    Ok(())
}

/// What a member sends to have a text said.
fn say(text_len: usize) -> Vec<u8> {
    let mut data = vec![0x0a, 1, b'r', 0x12];
    varint(text_len, &mut data);
    data.extend(vec![b'x'; text_len]);
    packet(1203, &data)
}

/// Bytes of the push that follows, which the member with role 1 has said.
fn pushed_len(text_len: usize) -> usize {
    let mut data = vec![0x0a, 1, b'r', 0x10, 1, 0x1a];
    varint(text_len, &mut data);
    let payload = 11 + data.len() + text_len;
    payload + if payload < 126 { 2 } else { 4 }
}

fn varint(mut number: usize, data: &mut Vec<u8>) {
    while number > 127 {
        data.push(number as u8 | 128);
        number >>= 7;
    }
    data.push(number as u8);
}

/// Clients that log in, join the room and read. The first says something when it is told to.
fn readers(address: SocketAddr, members: usize) -> Result {
    pin(CLIENT_CPU)?;
    let hello = |number: usize| {
        let mut login = vec![0x0a, 1, b'a', 0x20];
        varint(number + 1, &mut login);
        [packet(1002, &login), packet(1201, &[0x0a, 1, b'r'])].concat()
    };
    let mut fleet = Fleet::connect(address, members, hello, 2)?;
    println!("ready");
    for line in std::io::stdin().lines() {
        let line = line?;
        let [pushes, bytes, hex] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err("what?".into());
        };
        let trigger = (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16));
        let trigger = trigger.collect::<std::result::Result<Vec<_>, _>>()?;
        for _ in 0..pushes.parse()? {
            fleet.send(0, &trigger)?;
            fleet.read(bytes.parse()?)?;
        }
        println!("done");
    }
    Ok(())
}

/// The loop of writes, to sockets that have gone through the same. The first client says how much.
fn bare(members: usize) -> Result {
    pin(SERVER_CPU)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    let mut streams: Vec<TcpStream> = vec![];
    let mut buffer = vec![0; 64 * 1024];
    for _ in 0..members {
        let mut stream = listener.accept()?.0;
        stream.set_nodelay(true)?;
        // The request, then login and join, each answered.
        let mut read = 0;
        while !buffer[..read].ends_with(b"\r\n\r\n") {
            read += stream.read(&mut buffer[read..])?;
        }
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?;
        let _ = stream.read(&mut buffer)?;
        stream.write_all(&[0x82, 0])?;
        stream.write_all(&[0x82, 0])?;
        stream.set_nonblocking(true)?;
        streams.push(stream);
    }
    streams[0].set_nonblocking(false)?;
    let bytes = vec![7; 64 * 1024];
    let mut len = [0; 4];
    while streams[0].read_exact(&mut len).is_ok() {
        let bytes = &bytes[..u32::from_be_bytes(len) as usize];
        for stream in &mut streams {
            if stream.write(bytes)? < bytes.len() {
                return Err("a socket is full".into());
            }
        }
    }
    Ok(())
}
