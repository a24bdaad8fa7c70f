//! Which tokens are valid, for which logins and how long, and how keys are read.

use super::*;
use crate::record::{Custodian, Identity};

const EXPIRES: u64 = 1_795_800_000;
const BEFORE: u64 = EXPIRES - 1;

fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().map(|byte| format!("{byte:02x}")).collect()
}

fn keys(text: &str) -> Keys {
    Keys::from_text(text.as_bytes()).expect(text)
}

fn counting() -> Keys {
    keys(&hex(0..32))
}

fn login() -> Login {
    Login {
        identity: Identity {
            account: "account-1".into(),
            platform: "platform".into(),
            zone_id: 3,
            role_id: 1,
        },
        kind: ClientKind::Player,
        custodian: None,
        ..Login::default()
    }
}

#[test]
fn tokens_equal_those_of_another_implementation() {
    let odd = Login {
        identity: Identity {
            account: "名字:,\n\0".into(),
            platform: "p".into(),
            zone_id: u32::MAX,
            role_id: u64::MAX,
        },
        kind: ClientKind::Operator,
        custodian: Some(Custodian { account: "owner".into(), role_id: 77 }),
        ..Login::default()
    };
    // Computed with Python's hmac.
    let cases = [
        (
            counting(),
            EXPIRES,
            login(),
            "1.1795800000.ca2af6eeed820728953978bfc59048ff9cd853782b3a694a8badf849f1da0388",
        ),
        (
            counting(),
            0,
            Login::default(),
            "1.0.45cc711889612230a91fc999b5fecd4f16d86c194a308deea8c0f98485f46593",
        ),
        (
            keys(&"fF".repeat(MAX_KEY_BYTES)),
            u64::MAX,
            odd,
            "1.18446744073709551615.0e5fda2957f55087651c68c6ee901c7de2cd11ac3007cdfcb3894ac054f80bf6",
        ),
    ];
    for (keys, expires, login, token) in cases {
        assert_eq!(keys.sign(&login, expires), token);
        let verified = keys.verify(token, &login, expires.saturating_sub(1));
        assert_eq!(verified, if expires == 0 { Err(TokenError::Expired) } else { Ok(expires) });
    }
}

#[test]
fn a_token_is_valid_for_one_login_only() {
    let token = counting().sign(&login(), EXPIRES);
    let with = |change: fn(&mut Login)| {
        let mut login = login();
        change(&mut login);
        login
    };
    let others = [
        ("account", with(|login| login.identity.account.push('0'))),
        ("no account", with(|login| login.identity.account.clear())),
        ("platform", with(|login| login.identity.platform.push('s'))),
        ("zone", with(|login| login.identity.zone_id = 4)),
        ("role", with(|login| login.identity.role_id = 2)),
        ("kind", with(|login| login.kind = ClientKind::Operator)),
        ("a lesser kind", with(|login| login.kind = ClientKind::Guest)),
        (
            "custodian",
            with(|login| login.custodian = Some(Custodian { account: "c".into(), ..Default::default() })),
        ),
        ("its role", with(|login| login.custodian = Some(Custodian { role_id: 1, ..Default::default() }))),
        (
            "a letter that moves to the next field",
            with(|login| {
                login.identity.account = "account-".into();
                login.identity.platform = "1platform".into();
            }),
        ),
        (
            "a field within another",
            with(|login| {
                login.identity.account = "account-1,8:platform".into();
                login.identity.platform.clear();
            }),
        ),
    ];
    for (case, other) in others {
        assert_eq!(counting().verify(&token, &other, BEFORE), Err(TokenError::Forged), "{case}");
    }
    // A default custodian is the same as none.
    let nobody = with(|login| login.custodian = Some(Custodian::default()));
    assert_eq!(counting().verify(&token, &nobody, BEFORE), Ok(EXPIRES));
}

#[test]
fn a_token_is_valid_until_it_expires() {
    let token = counting().sign(&login(), EXPIRES);
    for (now, verified) in [
        (0, Ok(EXPIRES)),
        (BEFORE, Ok(EXPIRES)),
        (EXPIRES, Err(TokenError::Expired)),
        (u64::MAX, Err(TokenError::Expired)),
    ] {
        assert_eq!(counting().verify(&token, &login(), now), verified, "{now}");
    }
    let longer = token.replacen(&EXPIRES.to_string(), &(EXPIRES + 1).to_string(), 1);
    for now in [BEFORE, EXPIRES, u64::MAX] {
        assert_eq!(counting().verify(&longer, &login(), now), Err(TokenError::Forged), "{now}");
    }
}

#[test]
fn every_change_of_a_token_is_detected() {
    let token = counting().sign(&login(), EXPIRES);
    let verify = |text: &str| counting().verify(text, &login(), BEFORE);
    assert_eq!(verify(&token), Ok(EXPIRES));
    for place in 0..token.len() {
        assert_eq!(verify(&token[..place]), Err(TokenError::Malformed), "{place}");
        for byte in 0..128 {
            let mut changed = token.clone().into_bytes();
            let before = std::mem::replace(&mut changed[place], byte);
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(verify(&changed).is_ok(), byte == before, "{changed:?}");
        }
    }
}

#[test]
fn texts_without_the_form_of_a_token_are_malformed() {
    let mac = "0".repeat(64);
    let cases = [
        String::new(),
        "1".into(),
        "1.".into(),
        "1.5".into(),
        "1.5.".into(),
        format!("1..{mac}"),
        format!("2.5.{mac}"),
        format!("01.5.{mac}"),
        format!("1.05.{mac}"),
        format!("1.00.{mac}"),
        format!("1.+5.{mac}"),
        format!("1.-5.{mac}"),
        format!("1. 5.{mac}"),
        format!("1.5.{mac}0"),
        format!("1.5.{mac}00"),
        format!("1.5.{}", &mac[1..]),
        format!("1.5.{mac}\n"),
        format!(" 1.5.{mac}"),
        format!("1.5.{}A", &mac[1..]),
        format!("1.5.{}g", &mac[1..]),
        format!("1.5.{}é", &mac[2..]),
        format!("1.18446744073709551616.{mac}"),
        format!("1.{}.{mac}", "9".repeat(1000)),
    ];
    for text in cases {
        assert_eq!(counting().verify(&text, &login(), 0), Err(TokenError::Malformed), "{text:?}");
    }
    for text in [format!("1.5.{mac}"), format!("1.0.{mac}"), format!("1.18446744073709551615.{mac}")] {
        assert_eq!(counting().verify(&text, &login(), 0), Err(TokenError::Forged), "{text:?}");
    }
}

#[test]
fn an_old_key_is_valid_beside_its_replacement() {
    let (old, new) = (hex(0..32), hex(100..132));
    let both = keys(&format!("{new}\n{old}\n"));
    let of_old = keys(&old).sign(&login(), EXPIRES);
    let of_new = keys(&new).sign(&login(), EXPIRES);
    assert_eq!(both.sign(&login(), EXPIRES), of_new, "the first key signs");
    for (keys, token, verified) in [
        (&both, &of_old, Ok(EXPIRES)),
        (&both, &of_new, Ok(EXPIRES)),
        (&keys(&new), &of_old, Err(TokenError::Forged)),
        (&keys(&old), &of_new, Err(TokenError::Forged)),
    ] {
        assert_eq!(keys.verify(token, &login(), BEFORE), verified);
    }
}

#[test]
fn keys_are_read_or_the_wrong_line_is_reported() {
    let key = hex(0..32);
    let line = |line| Err(KeysError::Line(line));
    let cases: [(String, Result<usize, KeysError>); 16] = [
        (String::new(), Err(KeysError::None)),
        ("\n \r\n# none yet\n".into(), Err(KeysError::None)),
        (key.clone(), Ok(1)),
        (key.to_uppercase(), Ok(1)),
        (format!("# until May\r\n\r\n  {key}\t\r\n{key}\r\n"), Ok(2)),
        (format!("{key}\n").repeat(MAX_KEYS), Ok(MAX_KEYS)),
        (format!("{key}\n").repeat(MAX_KEYS + 1), Err(KeysError::TooMany)),
        (hex(0..31), line(1)),
        (hex(0..128), Ok(1)),
        (hex(0..129), line(1)),
        (format!("{key}0"), line(1)),
        (format!("\n{key}\n{key} # mine\n"), line(3)),
        (format!("{}g", &key[1..]), line(1)),
        (format!("+{}", &key[1..]), line(1)),
        (format!("{}é", &key[2..]), line(1)),
        (format!("{key} {key}"), line(1)),
    ];
    for (text, expected) in cases {
        assert_eq!(Keys::from_text(text.as_bytes()).map(|keys| keys.all().count()), expected, "{text:?}");
    }
    assert_eq!(Keys::from_text(b"\xff").map(|keys| keys.all().count()), line(1));
    assert_eq!(format!("{:?}", keys(&key)), "Keys(1)");
    let error = KeysError::Line(3).to_string();
    assert_eq!(error, "line 3: expected a key, an even number of hexadecimal digits, 64 to 256");
}
