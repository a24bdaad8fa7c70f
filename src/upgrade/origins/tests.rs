//! Origins: which entries are valid, and which requests they match.

use super::*;

#[test]
fn an_origin_that_cannot_match_is_refused_with_the_reason() {
    let long_label = format!("https://{}.example", "a".repeat(64));
    let long_host = format!("https://{}example", "abcdefg.".repeat(31));
    let cases: [(OriginError, &[&str]); 11] = [
        (
            OriginError::NoScheme,
            &["", "*", "example.com", "*.example.com", "play.example.com:443", "https:/a"],
        ),
        (OriginError::Scheme, &["://a", "1s://a", "ht tp://a", "https,http://a"]),
        (OriginError::SocketScheme, &["ws://a.example", "wss://a.example", "WSS://a.example:9001"]),
        (OriginError::Path, &["https://a.example/", "https://a.example/game", "https://a?b", "https://a#b"]),
        (OriginError::User, &["https://me@a.example", "https://me:secret@a.example:1"]),
        (
            OriginError::Host,
            &["https://", "https://:1", "https://.", "https://a..b", "https://.a", "https://*."],
        ),
        (OriginError::Host, &[&long_label, &long_host]),
        (
            OriginError::HostBytes,
            &["https://a b", "https://ü.example", "https://a,b", "https://a%41", "https://a\\b"],
        ),
        (
            OriginError::Ipv4,
            &["https://1.2.3", "https://256.1.1.1", "http://01.2.3.4", "http://0x7f.1", "http://a.1"],
        ),
        (
            OriginError::Ipv6,
            &["https://[::1", "https://[::g]", "https://[1.2.3.4]", "https://[fe80::1%1]:1", "http://[]"],
        ),
        (
            OriginError::Port,
            &["https://a:", "https://a:0", "https://a:65536", "https://a:+1", "https://a:0443", "http://a:b"],
        ),
    ];
    let wildcards = &[
        "*://a.example",
        "https://*",
        "https://*:443",
        "https://*example.com",
        "https://a.*.example",
        "https://a.*",
        "https://*.*.example",
        "https://a*b.example",
        "https://localhost:*",
        "https://*.1.2.3",
        "http://**.example",
    ][..];
    for (error, entries) in cases.into_iter().chain([(OriginError::Wildcard, wildcards)]) {
        for entry in entries {
            assert_eq!(check_origin(entry), Err(error), "{entry}");
        }
    }
}

#[test]
fn an_origin_matches_what_browsers_send_for_it() {
    type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);
    let cases: [Case; 16] = [
        (
            "https://play.example.com",
            &["https://play.example.com", "HTTPS://Play.Example.com", "https://play.example.com:443"],
            &["http://play.example.com", "https://play.example.com:444", "https://example.com", "null", ""],
        ),
        ("https://a.example:443", &["https://a.example", "https://a.example:443"], &["https://a.example:80"]),
        ("http://a.example:80", &["http://a.example"], &["https://a.example", "http://a.example:443"]),
        ("http://a.example", &["http://a.example:80"], &["http://a.example:080", "http://a.example:"]),
        (
            "https://a.example:8443",
            &["https://A.example:8443"],
            &["https://a.example", "https://a.example:84430"],
        ),
        (
            "https://*.example.com",
            &["https://play.example.com", "https://a.b.EXAMPLE.com:443", "https://x-1_y.example.com"],
            &[
                "https://example.com",
                "https://.example.com",
                "https://a..example.com",
                "https://evilexample.com",
                "https://play.example.com.evil",
                "https://play.example.com:8443",
                "http://play.example.com",
                "https://evil/.example.com",
                "https://evil?.example.com",
                "https://evil#.example.com",
                "https://me@.example.com",
                "https://evil:1.example.com",
                "https://*.example.com",
                "https://play.example.com/",
                "https://play.example.com https://play.example.com",
            ],
        ),
        ("https://*.example.com:8443", &["https://a.example.com:8443"], &["https://a.example.com"]),
        ("HTTPS://*.EXAMPLE.com.", &["https://a.example.com."], &["https://a.example.com"]),
        ("https://xn--bcher-kva.example", &["https://xn--bcher-kva.example"], &["https://bücher.example"]),
        (
            "http://127.0.0.1:3000",
            &["http://127.0.0.1:3000"],
            &["http://127.0.0.1", "http://127.0.0.1:30000"],
        ),
        (
            "http://[::1]:8080",
            &["http://[::1]:8080", "http://[0:0::1]:8080"],
            &["http://[::1]", "http://[::2]:8080"],
        ),
        ("http://[0:0:0:0:0:0:0:1]:80", &["http://[::1]"], &["http://[::]", "http://::1"]),
        ("null", &["null", "NULL"], &["", "https://null", "nul"]),
        ("file://", &["file://"], &["file:///", "null", "https://"]),
        (
            "capacitor://localhost",
            &["capacitor://localhost"],
            &["capacitor://localhost:443", "http://localhost"],
        ),
        ("https://a.exämple", &[], &["https://a.example"]),
    ];
    for (entry, matches, others) in cases {
        assert_eq!(check_origin(entry).is_ok(), !matches.is_empty(), "{entry}");
        for origin in matches {
            assert!(origin_matches(entry, origin), "{entry}: {origin}");
        }
        for origin in others {
            assert!(!origin_matches(entry, origin), "{entry}: {origin}");
        }
    }
}
