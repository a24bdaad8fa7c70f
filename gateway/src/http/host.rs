//! The Host and the Origin of requests to a loopback address. A page of the web can give its own name this
//! address once it is open (DNS rebinding), and would then read what is here; its requests still carry that
//! name. And a page may open a WebSocket to any address; its handshake carries the page's origin.

use hyper::header::HOST;
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Uri};

/// Whether a request names this machine, and nothing else.
pub(super) fn is_local(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let host = Authority::try_from(host.as_bytes());
    host.is_ok_and(|host| names_this_machine(&host)) && uri.authority().is_none_or(names_this_machine)
}

/// Whether this is the origin of a page that a server of this machine has served.
pub(crate) fn is_local_origin(origin: &str) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let is_http = ["http", "https"].iter().any(|name| scheme.eq_ignore_ascii_case(name));
    is_http && Authority::try_from(host).is_ok_and(|host| names_this_machine(&host))
}

fn names_this_machine(authority: &Authority) -> bool {
    let is_known = ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| is_same(authority, name));
    is_known && !authority.as_str().contains('@')
}

fn is_same(authority: &Authority, name: &str) -> bool {
    authority.host().eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn a_request_must_name_this_machine() {
        for (uri, hosts, expected) in [
            ("/", &["localhost"][..], true),
            ("/", &["LocalHost:9003"], true),
            ("/", &["127.0.0.1:9003"], true),
            ("/", &["[::1]:9003"], true),
            ("http://127.0.0.1/", &["127.0.0.1"], true),
            ("/", &[], false),
            ("/", &[""], false),
            ("/", &["a.example"], false),
            ("/", &["a.example:9003"], false),
            ("/", &["localhost.a.example"], false),
            ("/", &["a.example@localhost"], false),
            ("/", &["localhost@a.example"], false),
            ("/", &["127.0.0.2"], false),
            ("/", &["::1"], false),
            ("/", &["localhost/"], false),
            ("/", &["localhost", "localhost"], false),
            ("http://a.example/", &["localhost"], false),
        ] {
            let mut headers = HeaderMap::new();
            hosts.iter().for_each(|host| {
                headers.append(HOST, HeaderValue::from_static(host));
            });
            assert_eq!(is_local(&uri.parse().unwrap(), &headers), expected, "{uri} {hosts:?}");
        }
    }

    #[test]
    fn pages_of_this_machine_have_local_origins() {
        for (origin, expected) in [
            ("http://localhost", true),
            ("http://LOCALHOST:5173", true),
            ("https://127.0.0.1:9003", true),
            ("http://[::1]:9003", true),
            ("https://a.example", false),
            ("http://localhost.a.example", false),
            ("http://127.0.0.1.a.example:80", false),
            ("http://localhost@a.example", false),
            ("http://localhost/a.example", false),
            ("chrome-extension://localhost", false),
            ("file://", false),
            ("localhost", false),
            // That of a sandboxed frame in any page.
            ("null", false),
            ("", false),
        ] {
            assert_eq!(is_local_origin(origin), expected, "{origin}");
        }
    }
}
