//! What the server has counted of the connections of a run, as its admin address says.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::connection::{Connection, Standing};
use crate::http_client::{HttpClient, read_certificates, read_token};
use crate::options::{HttpAddress, of_option};

/// Connections in one answer.
const PAGE: usize = 1000;

/// Packets of a number of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Packets {
    pub(super) connections: u64,
    pub(super) sent: u64,
    pub(super) received: u64,
}

/// Both sides' figures of the connections that are open at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) own: Packets,
    pub(super) server: Packets,
    /// Connections that the server does not know, or has other figures of.
    pub(super) differing: u64,
}

/// An answer of `/api/connections`.
#[derive(Debug, Deserialize)]
struct Page {
    total: usize,
    connections: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    peer: String,
    recv_count: u64,
    send_count: u64,
}

/// The most connections that a server may say it has: more than any has addresses for.
const MAX_ROWS: usize = 10_000_000;

/// Two counts of packets of each connection, by the address of this side: what this side has sent and
/// received, or the server has received and sent.
type Rows = HashMap<String, (u64, u64)>;

/// The server's admin address.
pub(super) struct Admin(HttpClient);

impl Admin {
    /// `ca`: the file of the certificates to trust, in place of those of the system.
    ///
    /// # Errors
    /// One line that says what is wrong with a file.
    pub(super) fn new(
        address: &HttpAddress,
        token_file: Option<&Path>,
        ca: Option<&Path>,
    ) -> Result<Self, String> {
        let token = token_file.map(read_token).transpose().map_err(of_option("token-file"))?;
        let roots = ca.map(read_certificates).transpose().map_err(of_option("ca"))?;
        HttpClient::new(address, token.as_deref(), roots).map(Admin)
    }

    /// Whether the server tells its figures.
    ///
    /// # Errors
    /// One line that says why it does not.
    pub(super) fn check(&self, timeout: Duration) -> Result<(), String> {
        self.0.get_api_within::<Page>("/api/connections?offset=0&limit=1", timeout).map(drop)
    }

    /// Both sides' figures now. `left` is the time that is left for the server's answer; `None` if it was not
    /// there in time.
    ///
    /// # Errors
    /// One line that says why the server does not tell its own.
    pub(super) fn look(
        &self,
        connections: &[Connection],
        left: impl Fn() -> Option<Duration>,
    ) -> Result<Option<Counted>, String> {
        let open = connections.iter().filter(|connection| connection.standing() == Standing::Open);
        let own = open.filter_map(|connection| {
            let session = connection.session();
            let peer = connection.local_addr()?.to_string();
            Some((peer, (session.packets_sent, session.packets_received)))
        });
        let own = own.collect();
        Ok(self.rows(&own, left)?.map(|rows| compare(&own, &rows)))
    }

    /// What the server knows of these connections. Those that come or go meanwhile are others'.
    fn rows(&self, own: &Rows, left: impl Fn() -> Option<Duration>) -> Result<Option<Rows>, String> {
        let (mut rows, mut offset) = (Rows::new(), 0);
        while let Some(time) = left() {
            let path = format!("/api/connections?offset={offset}&limit={PAGE}");
            let page: Page = match self.0.get_api_within(&path, time) {
                Err(_) if left().is_none() => break,
                answer => answer?,
            };
            offset += PAGE;
            let is_last = page.connections.is_empty() || offset >= page.total.min(MAX_ROWS);
            add(&mut rows, page, own);
            if is_last {
                return Ok(Some(rows));
            }
        }
        Ok(None)
    }
}

/// Adds what a page has of these connections. There may be any number of others.
fn add(rows: &mut Rows, page: Page, own: &Rows) {
    let known = page.connections.into_iter().filter(|row| own.contains_key(&row.peer));
    rows.extend(known.map(|row| (row.peer, (row.recv_count, row.send_count))));
}

fn compare(own: &Rows, server: &Rows) -> Counted {
    let mut counted = Counted::default();
    for (peer, &(sent, received)) in own {
        counted.own.connections += 1;
        counted.own.sent += sent;
        counted.own.received += received;
        let row = server.get(peer);
        if let Some((recv_count, send_count)) = row {
            counted.server.connections += 1;
            counted.server.received += recv_count;
            counted.server.sent += send_count;
        }
        counted.differing += u64::from(row != Some(&(sent, received)));
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_each_connection_are_compared() {
        let rows = |rows: &[(&str, (u64, u64))]| -> Rows {
            rows.iter().map(|(peer, figures)| ((*peer).to_owned(), *figures)).collect()
        };
        let own = rows(&[("a", (5, 4)), ("b", (3, 3))]);
        for (server, differing) in [
            (&[("a", (5, 4)), ("b", (3, 3)), ("other", (9, 9))][..], 0),
            (&[("a", (5, 4))], 1),
            // The sums are the same.
            (&[("a", (3, 3)), ("b", (5, 4))], 2),
        ] {
            let counted = compare(&own, &rows(server));
            let expected = Packets { connections: 2, sent: 8, received: 7 };
            assert_eq!((counted.differing, counted.own), (differing, expected));
        }
    }

    #[test]
    fn connections_of_others_need_no_memory() {
        let row = |peer: &str| Row { peer: peer.to_owned(), recv_count: 1, send_count: 2 };
        let (mut rows, own) = (Rows::new(), Rows::from([("a".to_owned(), (5, 4))]));
        add(&mut rows, Page { total: 3, connections: vec![row("b"), row("a"), row("c")] }, &own);
        assert_eq!(rows, Rows::from([("a".to_owned(), (1, 2))]));
    }
}
