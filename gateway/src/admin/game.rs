//! The program's own listener, as a client of it sees it: where it is, and what it asks of clients.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustls::pki_types::ServerName;
use sysconn::client::{Client, ClientError, Offer, Url};
use sysconn::config::{Config, Listen};

use crate::client::{AnyClient, Stream, over_tls};
use crate::own_server::{reachable, trusting};

/// The longest time for a connection, and for each read and write.
const TIMEOUT: Duration = Duration::from_secs(4);
/// The header of a proxy that names no client, so that the address of the connection counts.
const UNNAMED: &[u8] = b"PROXY UNKNOWN\r\n";

/// How to reach the game.
#[derive(Clone, Debug)]
pub(super) struct Game {
    listen: Listen,
    is_tls: bool,
    /// Whether the server takes this program for a proxy, and waits for its header.
    is_proxy: bool,
    url: Url,
    offer: Offer,
}

impl Game {
    /// The first TCP listener, or else the first. None: there is none.
    pub(super) fn find(config: &Config, listening: impl Iterator<Item = Listen>) -> Option<Self> {
        let listening: Vec<_> = listening.collect();
        let tcp = listening.iter().find(|listen| matches!(listen, Listen::Tcp(_)));
        let listen = match tcp.or(listening.first())? {
            Listen::Tcp(address) => Listen::Tcp(reachable(*address)),
            unix => unix.clone(),
        };
        let upgrade = &config.upgrade;
        let path = upgrade.paths.first().map_or("/", |path| path.strip_suffix('*').unwrap_or(path));
        let authority = match &listen {
            Listen::Tcp(address) => address.to_string(),
            Listen::Unix(_) => "localhost".to_owned(),
        };
        let origin = upgrade.origins.first().map(|origin| origin.replace("*.", "admin."));
        let peer = match &listen {
            Listen::Tcp(address) => SocketAddr::new(address.ip(), 0).into(),
            Listen::Unix(_) => sysconn::Peer::Local,
        };
        Some(Game {
            is_tls: config.tls.is_some() && matches!(listen, Listen::Tcp(_)),
            is_proxy: config.proxies.proxy_protocol.iter().any(|proxy| proxy.covers(peer)),
            url: format!("ws://{authority}{path}").parse().ok()?,
            offer: Offer { origin, subprotocol: upgrade.subprotocols.first().cloned() },
            listen,
        })
    }

    /// Connects. It blocks.
    ///
    /// # Errors
    /// [`ClientError`].
    pub(super) fn connect(&self) -> Result<AnyClient, ClientError> {
        let stream: Box<dyn Stream> = match &self.listen {
            Listen::Tcp(address) => {
                let mut tcp = TcpStream::connect_timeout(address, TIMEOUT)?;
                tcp.set_nodelay(true)?;
                tcp.set_read_timeout(Some(TIMEOUT))?;
                tcp.set_write_timeout(Some(TIMEOUT))?;
                if self.is_proxy {
                    tcp.write_all(UNNAMED)?;
                }
                match self.is_tls {
                    true => over_tls(tcp, trusting()?, ServerName::from(address.ip()))?,
                    false => Box::new(tcp),
                }
            }
            Listen::Unix(path) => {
                let mut unix = UnixStream::connect(path)?;
                unix.set_read_timeout(Some(TIMEOUT))?;
                unix.set_write_timeout(Some(TIMEOUT))?;
                if self.is_proxy {
                    unix.write_all(UNNAMED)?;
                }
                Box::new(unix)
            }
        };
        let mut client = Client::over(stream, &self.url, &self.offer)?;
        client.set_longest_wait(Some(TIMEOUT));
        Ok(client)
    }
}
