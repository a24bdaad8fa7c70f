//! tokio-websockets.

use tokio::net::TcpStream;
use tokio_websockets::{Config, Error, Limits, Message, ServerBuilder};

use super::MAX_MESSAGE_BYTES;
use super::tokio_runtime::echo;

pub async fn connection(stream: TcpStream) -> Result<(), Error> {
    let server = ServerBuilder::new()
        .config(Config::default().frame_size(MAX_MESSAGE_BYTES).flush_threshold(64 * 1024))
        .limits(Limits::default().max_payload_len(Some(MAX_MESSAGE_BYTES)));
    let (_, socket) = server.accept(stream).await?;
    echo(socket, |message: &Message| message.is_binary() || message.is_text()).await
}
