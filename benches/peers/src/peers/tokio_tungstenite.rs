//! tokio-tungstenite.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::tokio_runtime::echo;

/// The default of 128 KiB is allocated for each connection; its documentation advises this for many.
const READ_BUFFER_BYTES: usize = 4096;

pub async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), Error> {
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
    let socket = accept_async_with_config(stream, Some(config)).await?;
    echo(socket, |message: &Message| message.is_binary() || message.is_text()).await
}
