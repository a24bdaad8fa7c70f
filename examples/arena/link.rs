//! A bot's connection: packets of protobuf messages, in the order in which they come.

use std::time::Duration;

use prost::Message;
use sysconn::client::{Client, ClientError, Packet};

pub(crate) type Fallible<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Time in which a server that is well sends something.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Link {
    client: Client,
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
        let mut client = Client::connect(&format!("ws://{address}{path}").parse()?)?;
        client.set_timeout(PATIENCE)?;
        Ok(Link { client })
    }

    pub(crate) fn send(&mut self, cmd: u16, message: &impl Message) -> Fallible {
        Ok(self.client.post(cmd, &message.encode_to_vec())?)
    }

    pub(crate) fn next(&mut self) -> Fallible<Incoming> {
        match self.client.next_packet() {
            Ok(Packet { cmd, error_id, data, .. }) => {
                Ok(Incoming::Packet { cmd, error_id: error_id.0, data })
            }
            Err(ClientError::Ended(ended)) => Ok(Incoming::Close(ended.code)),
            Err(error) => Err(error.into()),
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
