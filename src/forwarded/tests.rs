//! The client by both headers.

use proptest::prelude::*;

use super::*;

/// The proxies that the tests trust.
fn trusted() -> Vec<TrustedProxy> {
    ["10.0.0.0/8", "fd00::/8", "unix"].map(|text| text.parse().unwrap()).into()
}

fn peer(text: &str) -> Peer {
    match text {
        "unix" => Peer::Local,
        _ => match text.parse::<std::net::SocketAddr>() {
            Ok(address) => Peer::from(address),
            Err(_) => Peer::Ip(text.parse().unwrap(), 0),
        },
    }
}

fn client_of(lines: &[(&str, &str)], from: &str, trusted: &[TrustedProxy]) -> Result<Option<Peer>, Fault> {
    client(lines.iter().map(|(name, value)| (*name, value.as_bytes())), peer(from), trusted)
}

/// Lines of one header from a proxy at 10.0.0.1, and the client in them, if they name one.
type Case<'a> = (&'a [&'a str], Result<Option<&'a str>, Fault>);

fn check(name: &str, cases: &[Case<'_>]) {
    for (values, expected) in cases {
        let lines: Vec<_> = values.iter().map(|value| (name, *value)).collect();
        let expected = expected.map(|client| client.map(peer));
        assert_eq!(client_of(&lines, "10.0.0.1", &trusted()), expected, "{name}: {values:?}");
        // Case makes no difference in header names.
        let name = name.to_ascii_lowercase();
        let lines: Vec<_> = values.iter().map(|value| (&*name, *value)).collect();
        assert_eq!(client_of(&lines, "10.0.0.1", &trusted()), expected, "{name}: {values:?}");
        // From a peer that is not trusted they are ignored.
        for other in ["192.0.2.1", "::1"] {
            assert_eq!(client_of(&lines, other, &trusted()), Ok(None), "{values:?} of {other}");
        }
    }
}

const BAD: Result<Option<&str>, Fault> = Err(Fault::Forwarded);

#[test]
fn the_client_is_the_first_untrusted_address_from_the_right() {
    check(
        "X-Forwarded-For",
        &[
            (&["192.0.2.7"], Ok(Some("192.0.2.7"))),
            (&["192.0.2.7:4711"], Ok(Some("192.0.2.7:4711"))),
            (&["192.0.2.7:_hidden"], Ok(Some("192.0.2.7"))),
            (&["2001:db8::9"], Ok(Some("2001:db8::9"))),
            (&["[2001:db8::9]"], Ok(Some("2001:db8::9"))),
            (&["[2001:db8::9]:1"], Ok(Some("[2001:db8::9]:1"))),
            // A client of one proxy.
            (&["::ffff:192.0.2.7"], Ok(Some("192.0.2.7"))),
            (&["[::ffff:192.0.2.7]:1"], Ok(Some("192.0.2.7:1"))),
            // Entries that the client has sent are on the left.
            (&["198.51.100.1, 192.0.2.7"], Ok(Some("192.0.2.7"))),
            (&["10.9.9.9, 192.0.2.7"], Ok(Some("192.0.2.7"))),
            (&["\"nonsense, , 192.0.2.7"], Ok(Some("192.0.2.7"))),
            (&["192.0.2.7,10.0.0.2\t, 10.3.0.3"], Ok(Some("192.0.2.7"))),
            (&["198.51.100.1,192.0.2.7,fd00::2,unix:"], Ok(Some("192.0.2.7"))),
            // Several lines are one list.
            (&["192.0.2.7", "10.0.0.2"], Ok(Some("192.0.2.7"))),
            (&["192.0.2.7", "198.51.100.1"], Ok(Some("198.51.100.1"))),
            (&["nonsense", "198.51.100.1"], Ok(Some("198.51.100.1"))),
            (&["192.0.2.7", "", " , "], Ok(Some("192.0.2.7"))),
            (&[",192.0.2.7,,"], Ok(Some("192.0.2.7"))),
            // All are trusted: the leftmost.
            (&["10.0.0.3, 10.0.0.2"], Ok(Some("10.0.0.3"))),
            (&["unix:"], Ok(Some("unix"))),
            // An entry without an address ends the search.
            (&["192.0.2.7, unknown"], Ok(None)),
            (&["192.0.2.7, _hidden, 10.0.0.2"], Ok(Some("10.0.0.2"))),
            (&["192.0.2.7, Unknown:80"], Ok(None)),
            (&[], Ok(None)),
            (&["", ","], Ok(None)),
            // Entries of trusted proxies must be well-formed.
            (&["192.0.2.7, nonsense"], BAD),
            (&["nonsense, 10.0.0.2"], BAD),
            (&["192.0.2.7", "nonsense"], BAD),
            (&["192.0.2.256"], BAD),
            (&["192.0.2.07"], BAD),
            (&["192.0.2.7:"], BAD),
            (&["192.0.2.7:+1"], BAD),
            (&["192.0.2.7:65536"], BAD),
            (&["192.0.2.7:000001"], BAD),
            (&["192.0.2.7 192.0.2.8"], BAD),
            (&["\"192.0.2.7\""], BAD),
            (&["[192.0.2.7]"], BAD),
            (&["[2001:db8::9"], BAD),
            (&["[2001:db8::9]1"], BAD),
            (&["fe80::1%eth0"], BAD),
            (&["for=192.0.2.7"], BAD),
            (&["_"], BAD),
            (&["_a b"], BAD),
            (&["unix"], BAD),
            (&["é"], BAD),
        ],
    );
}

#[test]
fn elements_of_rfc_7239_are_read_strictly() {
    check(
        "Forwarded",
        &[
            (&["for=192.0.2.7"], Ok(Some("192.0.2.7"))),
            (&["For=192.0.2.7;proto=http;by=203.0.113.43"], Ok(Some("192.0.2.7"))),
            (&["proto=https; FOR=192.0.2.7 ; host=\"a,b;c\""], Ok(Some("192.0.2.7"))),
            (&["for=\"192.0.2.7\""], Ok(Some("192.0.2.7"))),
            (&["for=\"192.0.2.7:4711\""], Ok(Some("192.0.2.7:4711"))),
            (&["for=\"\\192.0.2.\\7:4711\""], Ok(Some("192.0.2.7:4711"))),
            (&["for=\"[2001:db8::9]\""], Ok(Some("2001:db8::9"))),
            (&["for=\"[2001:db8::9]:4711\""], Ok(Some("[2001:db8::9]:4711"))),
            (&["for=\"[2001:db8::9]:_port\""], Ok(Some("2001:db8::9"))),
            (&["for=\"[::ffff:192.0.2.7]\""], Ok(Some("192.0.2.7"))),
            (&["for=198.51.100.1, for=192.0.2.7"], Ok(Some("192.0.2.7"))),
            (&["for=192.0.2.7, for=\"[fd00::2]:1\";by=_me ,for=10.0.0.2"], Ok(Some("192.0.2.7"))),
            (&["for=192.0.2.7", "for=10.0.0.2"], Ok(Some("192.0.2.7"))),
            (&[";for=192.0.2.7;;"], Ok(Some("192.0.2.7"))),
            (&["for=192.0.2.7, ,"], Ok(Some("192.0.2.7"))),
            // An unclosed quote of the client does not extend into the entry of the proxy.
            (&["for=\"198.51.100.1, for=192.0.2.7"], Ok(Some("192.0.2.7"))),
            (&["for=198.51.100.1;by=\", for=\"[2001:db8::9]:1\""], Ok(Some("[2001:db8::9]:1"))),
            (
                &["for=198.51.100.1;by=\"\\, for=\"[2001:db8::9]:1\";by=\"a\\\"b\\\\\""],
                Ok(Some("[2001:db8::9]:1")),
            ),
            (&["for=192.0.2.7, for=unknown"], Ok(None)),
            (&["for=192.0.2.7, for=\"_gazonk:_1\", for=10.0.0.2"], Ok(Some("10.0.0.2"))),
            (&["for=192.0.2.7, proto=https"], Ok(None)),
            (&[""], Ok(None)),
            (&["192.0.2.7"], BAD),
            (&["for="], BAD),
            (&["for=\"\""], BAD),
            (&["=192.0.2.7"], BAD),
            (&["for = 192.0.2.7"], BAD),
            (&["for=192.0.2.7:4711"], BAD),
            (&["for=[2001:db8::9]"], BAD),
            (&["for=2001:db8::9"], BAD),
            (&["for=\"2001:db8::9\""], BAD),
            (&["for=\"192.0.2.7"], BAD),
            (&["for=192.0.2.7\""], BAD),
            (&["for=\"192.0.2.7\"x"], BAD),
            (&["for=192.0.2.7 proto=http"], BAD),
            (&["for=192.0.2.7;for=192.0.2.7"], BAD),
            (&["for=192.0.2.7;by"], BAD),
            (&["for=nonsense, for=10.0.0.2"], BAD),
        ],
    );
}

#[test]
fn two_headers_must_agree() {
    const TWICE: Result<Option<&str>, Fault> = Err(Fault::ForwardedTwice);
    for (listed, forwarded, expected) in [
        ("192.0.2.7", "for=192.0.2.7", Ok(Some("192.0.2.7"))),
        ("192.0.2.7:1", "for=192.0.2.7", Ok(Some("192.0.2.7:1"))),
        ("192.0.2.7", "for=\"192.0.2.7:1\"", Ok(Some("192.0.2.7:1"))),
        ("192.0.2.7", "for=\"[::ffff:192.0.2.7]\"", Ok(Some("192.0.2.7"))),
        ("192.0.2.7, 10.0.0.2", "for=192.0.2.7", Ok(Some("192.0.2.7"))),
        ("192.0.2.7", " ", Ok(Some("192.0.2.7"))),
        ("", "for=192.0.2.7", Ok(Some("192.0.2.7"))),
        ("unknown", "for=unknown", Ok(None)),
        ("192.0.2.7", "for=192.0.2.8", TWICE),
        ("192.0.2.7:1", "for=\"192.0.2.7:2\"", TWICE),
        ("192.0.2.7", "for=unknown", TWICE),
        ("192.0.2.7, 10.0.0.2", "for=10.0.0.2", TWICE),
        ("192.0.2.7", "nonsense", BAD),
        ("nonsense", "for=192.0.2.7", BAD),
    ] {
        let lines = [("X-Forwarded-For", listed), ("Forwarded", forwarded)];
        let client = client_of(&lines, "10.0.0.1", &trusted());
        assert_eq!(client, expected.map(|client| client.map(peer)), "{listed} and {forwarded}");
        assert_eq!(client_of(&lines, "192.0.2.1", &trusted()), Ok(None));
    }
    // An untrusted local hop has no address.
    let ips: Vec<TrustedProxy> = vec!["10.0.0.0/8".parse().unwrap()];
    assert_eq!(client_of(&[("X-Forwarded-For", "192.0.2.7, unix:")], "10.0.0.1", &ips), Ok(None));
}

/// Any hop, and whether it is trusted.
fn hop() -> impl Strategy<Value = (Peer, bool)> {
    let trusted = prop_oneof![
        any::<[u8; 3]>().prop_map(|[a, b, c]| IpAddr::from([10, a, b, c])),
        any::<u64>().prop_map(|low| IpAddr::from(Ipv6Addr::from_bits((0xfd << 120) | u128::from(low)))),
    ];
    let other = prop_oneof![
        any::<[u8; 3]>().prop_map(|[a, b, c]| IpAddr::from([192, a, b, c])),
        any::<u64>().prop_map(|low| IpAddr::from(Ipv6Addr::from_bits((0x2001 << 112) | u128::from(low)))),
    ];
    let ip = prop_oneof![2 => trusted.prop_map(|ip| (ip, true)), 1 => other.prop_map(|ip| (ip, false))];
    (ip, any::<u16>()).prop_map(|((ip, is_trusted), port)| (Peer::Ip(ip, port), is_trusted))
}

proptest! {
    /// The client sends any entries, in either header and in any number of lines.
    #[test]
    fn entries_of_the_client_do_not_change_its_address(
        hops in prop::collection::vec(hop(), 1..8),
        junk in "[ -~]{0,40}",
        breaks in any::<u8>(),
    ) {
        // Each trusted hop names the next, up to the first that is not trusted.
        let end = hops.iter().position(|(_, is_trusted)| !is_trusted).map_or(hops.len(), |at| at + 1);
        let (expected, is_trusted) = hops[end - 1];
        let (mut listed, mut forwarded) = (vec![], vec![]);
        for (index, (hop, _)) in hops[..end].iter().enumerate().rev() {
            let separate = breaks >> index & 1 == 1 || listed.is_empty();
            let (plain, element) = (hop.to_string(), format!("for=\"{hop}\""));
            for (lines, text) in [(&mut listed, plain), (&mut forwarded, element)] {
                match lines.last_mut() {
                    Some(last) if !separate => *last = format!("{last}, {text}"),
                    _ => lines.push(text),
                }
            }
        }
        // The entries of the client come first, if the search ends before them.
        if !is_trusted {
            listed[0] = format!("{junk}, {}", listed[0]);
            forwarded[0] = format!("{junk}, {}", forwarded[0]);
        }
        let listed = listed.iter().map(|value| ("X-Forwarded-For", &**value));
        let forwarded = forwarded.iter().map(|value| ("Forwarded", &**value));
        let expected = Ok(Some(expected).filter(|it| *it != peer("10.0.0.1")));
        let both: Vec<_> = listed.clone().chain(forwarded.clone()).collect();
        prop_assert_eq!(client_of(&both, "10.0.0.1", &trusted()), expected);
        for lines in [listed.collect::<Vec<_>>(), forwarded.collect()] {
            prop_assert_eq!(client_of(&lines, "10.0.0.1", &trusted()), expected);
        }
    }

    #[test]
    fn any_bytes_have_a_result(values in prop::collection::vec((any::<bool>(), any::<Vec<u8>>()), 0..6)) {
        let name = |which: bool| if which { "Forwarded" } else { "X-Forwarded-For" };
        let lines: Vec<_> = values.iter().map(|(which, value)| (name(*which), &value[..])).collect();
        let _ = client(lines.iter().copied(), peer("10.0.0.1"), &trusted());
        prop_assert_eq!(client(lines.iter().copied(), peer("192.0.2.1"), &trusted()), Ok(None));
    }
}
