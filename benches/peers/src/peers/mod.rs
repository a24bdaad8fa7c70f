//! The servers to compare with: two bare ones, and others' libraries, each as small as a fair use of the
//! library can be. One thread each.

mod bare;
mod bare_push;
mod fastwebsockets;
mod sockudo;
mod tokio_runtime;
mod tokio_tungstenite;
mod tokio_websockets;
mod yawc;

use crate::Result;
use crate::wire::Dialect;

/// Their names and protocols. The bare ones come first: others are compared with them.
pub const PEERS: [(&str, Dialect); 7] = [
    ("bare", Dialect::Bare),
    ("bare-push", Dialect::BarePush),
    ("tokio-tungstenite", Dialect::WebSocket),
    ("fastwebsockets", Dialect::WebSocket),
    ("tokio-websockets", Dialect::WebSocket),
    ("sockudo-ws", Dialect::WebSocket),
    ("yawc", Dialect::WebSocket),
];

/// The longest message that each of them accepts.
const MAX_MESSAGE_BYTES: usize = 2 * 1024 * 1024;

/// Runs one of them, for ever.
pub fn run(name: &str) -> Result<()> {
    match name {
        "bare" => bare::run(),
        "bare-push" => bare_push::run(),
        "tokio-tungstenite" => tokio_runtime::serve(tokio_tungstenite::connection),
        "fastwebsockets" => tokio_runtime::serve(fastwebsockets::connection),
        "tokio-websockets" => tokio_runtime::serve(tokio_websockets::connection),
        "sockudo-ws" => tokio_runtime::serve(sockudo::connection),
        "yawc" => tokio_runtime::serve(yawc::connection),
        _ => Err(format!("there is no server {name}").into()),
    }
}
