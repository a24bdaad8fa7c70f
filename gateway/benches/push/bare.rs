//! The loop of writes, to sockets that have gone through the same as the server's.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::SERVER_CPU;
use super::fleet::{Result, pin};

/// Accepts so many clients. The first then says, again and again, how many bytes to write to each.
pub(crate) fn run(members: usize) -> Result {
    pin(SERVER_CPU)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    let mut streams: Vec<TcpStream> = vec![];
    let mut buffer = vec![0; 64 * 1024];
    for _ in 0..members {
        let mut stream = listener.accept()?.0;
        stream.set_nodelay(true)?;
        // The request, then what makes a member of the client. It is answered by two short frames.
        let mut read = 0;
        while !buffer[..read].ends_with(b"\r\n\r\n") {
            read += stream.read(&mut buffer[read..])?;
        }
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?;
        let _ = stream.read(&mut buffer)?;
        stream.write_all(&[0x82, 0, 0x82, 0])?;
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
