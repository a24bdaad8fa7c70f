//! The page of `serve --dev`: examples/web, and what it must know of the server.

use std::net::SocketAddr;

use bytes::Bytes;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use hyper::{Request, StatusCode};
use serde_json::json;
use sysconn::Config;
use sysconn::config::Listen;

use crate::http::{Answer, HttpServer, POLICY, Site, answer, line, unless_read, with};
use crate::side::Side;

/// The path of each file, its type, and the file.
const FILES: &[(&str, &str, &str)] = &[
    ("/", "text/html; charset=utf-8", include_str!("../../examples/web/index.html")),
    ("/style.css", "text/css; charset=utf-8", include_str!("../../examples/web/style.css")),
    (
        "/sysconn-client.js",
        "text/javascript; charset=utf-8",
        include_str!("../../clients/js/bundle/sysconn-client.js"),
    ),
    ("/page.js", "text/javascript; charset=utf-8", include_str!("../../examples/web/page.js")),
    ("/graph.js", "text/javascript; charset=utf-8", include_str!("../../examples/web/graph.js")),
];

/// The page, which listens before the server does: the server has to know its origin.
pub(crate) struct DevPage {
    server: HttpServer,
    address: SocketAddr,
    /// `ws` or `wss`.
    scheme: &'static str,
    /// A path that the server serves.
    path: String,
    subprotocols: Vec<String>,
}

impl DevPage {
    /// Listens, and adds the page to the origins of `config` where there is a list of them.
    ///
    /// # Errors
    /// One line that says why it cannot listen.
    pub(crate) fn bind(address: SocketAddr, is_tls: bool, config: &mut Config) -> Result<Self, String> {
        let server = HttpServer::bind(&Listen::Tcp(address), None);
        let server = server.map_err(|error| format!("--dev-listen: {error}"))?;
        let Listen::Tcp(address) = *server.address() else { return Err("--dev-listen: no TCP".to_owned()) };
        let upgrade = &mut config.upgrade;
        if !upgrade.origins.is_empty() {
            upgrade.origins.push(format!("http://{address}"));
            upgrade.origins.push(format!("http://localhost:{}", address.port()));
        }
        let path = upgrade.paths.first().map_or("/", |path| path.strip_suffix('*').unwrap_or(path));
        Ok(DevPage {
            server,
            address,
            scheme: if is_tls { "wss" } else { "ws" },
            path: path.to_owned(),
            subprotocols: upgrade.subprotocols.clone(),
        })
    }

    /// Has the side thread serve the page, and names it in the log. `listening` is where the server listens.
    ///
    /// # Errors
    /// One line that says why it cannot be served.
    pub(crate) fn serve(
        self,
        listening: impl Iterator<Item = Listen>,
        side: &mut Side,
    ) -> Result<(), String> {
        let addresses = listening.filter_map(|listen| match listen {
            Listen::Tcp(address) => Some(address),
            Listen::Unix(_) => None,
        });
        // The options have seen to it that there is one.
        let address = addresses.min_by_key(SocketAddr::is_ipv6).ok_or("--dev: no TCP listener")?;
        let server = format!("{}://{address}", self.scheme);
        let url = format!("{server}{}", self.path);
        // A policy cannot name an IPv6 address.
        let source = if address.is_ipv6() { format!("{}:", self.scheme) } else { server };
        let policy = format!("{POLICY}; connect-src 'self' {source}");
        let policy = HeaderValue::try_from(policy).map_err(|error| format!("--dev: {error}"))?;
        let about = json!({ "url": url, "protocols": self.subprotocols }).to_string();
        let (server, site) = (self.server, DevSite { about: about.into(), policy });
        side.add(move || server.serve(site));
        log::info!("the page of --dev is at http://{}/", self.address);
        Ok(())
    }
}

struct DevSite {
    /// Where the server is, and its subprotocols.
    about: Bytes,
    /// The page may connect to the server too.
    policy: HeaderValue,
}

impl Site for DevSite {
    async fn answer(&self, request: Request<Bytes>) -> Answer {
        if let Some(refusal) = unless_read(request.method()) {
            return refusal;
        }
        let path = request.uri().path();
        if path == "/server.json" {
            return answer(StatusCode::OK, "application/json", self.about.clone());
        }
        let Some((_, content_type, text)) = FILES.iter().find(|(known, ..)| *known == path) else {
            return line(StatusCode::NOT_FOUND, "there is nothing at this path");
        };
        let file = answer(StatusCode::OK, content_type, Bytes::from_static(text.as_bytes()));
        with(file, CONTENT_SECURITY_POLICY, self.policy.clone())
    }
}
