//! A bot's connection: packets of protobuf messages over tungstenite.

use std::net::TcpStream;
use std::time::Duration;

use prost::Message;
use sysconn::packet::{self, Reply, push_request};
use tungstenite::WebSocket;

pub(crate) type Fallible<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Time in which a server that is well sends something.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Link {
    socket: WebSocket<TcpStream>,
    flag: u32,
}

/// What the server has sent.
pub(crate) enum Incoming {
    Packet {
        cmd: u16,
        error_id: u16,
        data: Vec<u8>,
    },
    /// A Close frame, with this code.
    Close(u16),
}

impl Link {
    /// A connection to a path of the server.
    pub(crate) fn open(address: &str, path: &str) -> Fallible<Self> {
        let tcp = TcpStream::connect(address)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let (socket, _) =
            tungstenite::client(format!("ws://{address}{path}"), tcp).map_err(|error| error.to_string())?;
        Ok(Link { socket, flag: 0 })
    }

    pub(crate) fn send(&mut self, cmd: u16, message: &impl Message) -> Fallible {
        self.flag += 1;
        let (mut bytes, data) = (vec![], message.encode_to_vec());
        push_request(&mut bytes, &packet::Request { data_status: 0, flag: self.flag, cmd, data: &data });
        Ok(self.socket.send(tungstenite::Message::binary(bytes))?)
    }

    pub(crate) fn next(&mut self) -> Fallible<Incoming> {
        loop {
            match self.socket.read()? {
                tungstenite::Message::Binary(bytes) => {
                    let Reply { error_id, cmd, data, .. } =
                        Reply::parse(&bytes).map_err(|_| "a bad packet")?;
                    return Ok(Incoming::Packet { cmd, error_id: error_id.0, data: data.to_vec() });
                }
                tungstenite::Message::Close(close) => {
                    let code = close.map_or(1005, |close| close.code.into());
                    // The answer to it.
                    let _ = self.socket.flush();
                    return Ok(Incoming::Close(code));
                }
                _ => {}
            }
        }
    }

    /// The answer to a request, which must be no refusal. What the server pushes before it is left out.
    pub(crate) fn answer<M: Message + Default>(&mut self, to: u16) -> Fallible<M> {
        loop {
            match self.next()? {
                Incoming::Packet { cmd, error_id: 0, data } if cmd == to => return Ok(M::decode(&data[..])?),
                Incoming::Packet { cmd, error_id, .. } if cmd == to => {
                    return Err(format!("command {to} was refused with {error_id}").into());
                }
                Incoming::Packet { .. } => {}
                Incoming::Close(code) => {
                    return Err(format!("Close {code} instead of the answer to {to}").into());
                }
            }
        }
    }

    /// Reads until the server's Close.
    pub(crate) fn close_code(&mut self) -> Fallible<u16> {
        loop {
            if let Incoming::Close(code) = self.next()? {
                return Ok(code);
            }
        }
    }
}
