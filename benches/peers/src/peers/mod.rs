//! The servers to compare with: two bare ones, and others' libraries, each as small as a fair use of the
//! library can be. One thread each.

mod bare;
mod bare_push;
mod bare_tls;
mod fastwebsockets;
mod sockudo;
mod tokio_runtime;
mod tokio_tungstenite;
mod tokio_websockets;
mod yawc;

use std::path::Path;

use crate::Result;
use crate::mode::Mode;
use crate::tls::server_config;
use crate::wire::Dialect;

/// Their names and protocols, and how they can run. The bare ones come first: others are compared with them.
pub const PEERS: [(&str, Dialect, &[Mode]); 8] = [
    ("bare", Dialect::Bare, &[Mode::Plain]),
    ("bare-tls", Dialect::Bare, &[Mode::Tls]),
    ("bare-push", Dialect::BarePush, &[Mode::Push]),
    ("tokio-tungstenite", Dialect::WebSocket, &[Mode::Plain, Mode::Tls]),
    ("fastwebsockets", Dialect::WebSocket, &[Mode::Plain]),
    ("tokio-websockets", Dialect::WebSocket, &[Mode::Plain]),
    ("sockudo-ws", Dialect::WebSocket, &[Mode::Plain]),
    ("yawc", Dialect::WebSocket, &[Mode::Plain]),
];

/// The longest message that each of them accepts.
const MAX_MESSAGE_BYTES: usize = 2 * 1024 * 1024;

/// Runs one of them, for ever; with a certificate and its key, over TLS.
pub fn run(name: &str, tls: Option<(&Path, &Path)>) -> Result<()> {
    let tls = tls.map(|(certificate, key)| server_config(certificate, key)).transpose()?;
    match name {
        "bare-tls" => bare_tls::run(&tls.ok_or("bare-tls needs a certificate and a key")?),
        "bare" => bare::run(),
        "bare-push" => bare_push::run(),
        "tokio-tungstenite" => match tls {
            Some(tls) => tokio_runtime::serve_tls(tls, tokio_tungstenite::connection),
            None => tokio_runtime::serve(tokio_tungstenite::connection),
        },
        "fastwebsockets" => tokio_runtime::serve(fastwebsockets::connection),
        "tokio-websockets" => tokio_runtime::serve(tokio_websockets::connection),
        "sockudo-ws" => tokio_runtime::serve(sockudo::connection),
        "yawc" => tokio_runtime::serve(yawc::connection),
        _ => Err(format!("there is no server {name}").into()),
    }
}
