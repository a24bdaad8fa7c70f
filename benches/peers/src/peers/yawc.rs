//! yawc.

use futures_util::StreamExt;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::unconstrained;
use yawc::frame::OpCode;
use yawc::{Frame, Options, UpgradeFut, WebSocket, WebSocketError};

use super::MAX_MESSAGE_BYTES;

pub async fn connection(stream: TcpStream) -> hyper::Result<()> {
    let http = http1::Builder::new();
    http.serve_connection(TokioIo::new(stream), service_fn(answer)).with_upgrades().await
}

async fn answer(mut request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, WebSocketError> {
    let options = Options::default().with_limits(MAX_MESSAGE_BYTES, 2 * MAX_MESSAGE_BYTES);
    let (response, upgraded) = WebSocket::upgrade_with_options(&mut request, options)?;
    tokio::spawn(unconstrained(echo(upgraded)));
    Ok(response)
}

async fn echo(upgraded: UpgradeFut) -> Result<(), WebSocketError> {
    let socket = upgraded.await?.map(Ok);
    let is_data = |frame: &Frame| matches!(frame.opcode(), OpCode::Binary | OpCode::Text);
    super::tokio_runtime::echo(socket, is_data).await
}
