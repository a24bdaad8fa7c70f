//! tokio-websockets. It writes when it is polled for another message, so all messages that came together are
//! taken before the first is sent back.

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_websockets::{Config, Error, Limits, ServerBuilder};

use super::MAX_MESSAGE_BYTES;

pub async fn connection(stream: TcpStream) -> Result<(), Error> {
    let server = ServerBuilder::new()
        .config(Config::default().frame_size(MAX_MESSAGE_BYTES).flush_threshold(64 * 1024))
        .limits(Limits::default().max_payload_len(Some(MAX_MESSAGE_BYTES)));
    let (_, mut socket) = server.accept(stream).await?;
    let mut messages = vec![];
    while let Some(message) = socket.next().await {
        messages.push(message?);
        while let Some(Some(message)) = socket.next().now_or_never() {
            messages.push(message?);
        }
        for message in messages.drain(..) {
            if message.is_binary() || message.is_text() {
                socket.feed(message).await?;
            }
        }
        socket.flush().await?;
    }
    Ok(())
}
