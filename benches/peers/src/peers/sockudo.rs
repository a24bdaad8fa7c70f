//! sockudo-ws.

use sockudo_ws::handshake::server_handshake;
use sockudo_ws::{Config, Error, Message, Role, WebSocketStream};
use tokio::net::TcpStream;

use super::MAX_MESSAGE_BYTES;
use super::tokio_runtime::echo;

pub async fn connection(mut stream: TcpStream) -> Result<(), Error> {
    let config = Config::builder().max_payload_length(MAX_MESSAGE_BYTES).auto_ping(false).idle_timeout(0);
    let leftover = server_handshake(&mut stream).await?.leftover;
    let socket = WebSocketStream::from_raw_with_leftover(stream, Role::Server, config.build(), leftover);
    echo(socket, |message| matches!(message, Message::Binary(_) | Message::Text(_))).await
}
