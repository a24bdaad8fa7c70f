//! Any text as the token of a login, tokens that were signed for it or for another, and any text as a file of
//! keys: a token is accepted only if it has the right form and another implementation of HMAC agrees.
//!
//! Input: the trial (1 byte, see [`Trial`]), the key (1 byte), the kind (1 byte), zone, role and the
//! custodian's role (1 byte each), the lengths of the three names (1 byte each), the time of expiry and the
//! present time (8 bytes each), then the names, and the text.

#![no_main]

use hmac_sha256::HMAC;
use libfuzzer_sys::fuzz_target;
use sysconn::token::{Keys, KeysError, MAX_KEY_BYTES, MAX_KEYS, MIN_KEY_BYTES, TokenError};
use sysconn::{ClientKind, Custodian, Identity, Login};
use sysconn_fuzz::bounded;

fuzz_target!(|data: &[u8]| {
    let Some((trial, text)) = Trial::read(data) else { return };
    bounded(|| match trial.what & 7 {
        0 | 1 => trial.verify(&String::from_utf8_lossy(text)),
        2 => trial.verify(&trial.keys().sign(&trial.login, trial.expires)),
        3 => trial.verify(&trial.changed(text)),
        4 => trial.verify(&trial.of_another_login()),
        5 => trial.verify(&trial.of_another_key()),
        _ => read_keys(text),
    });
});

/// Bits 0 to 2 choose the trial: the text as a token (0, 1), the login's own token (2), that token with a
/// byte changed, inserted or removed (3), the token of a login that differs in one field (4), a token by
/// another key (5), or the text as a file of keys (6, 7). Bits 3 to 5 choose the field or the change.
struct Trial {
    what: u8,
    key: Vec<u8>,
    login: Login,
    expires: u64,
    now: u64,
}

impl Trial {
    fn read(data: &[u8]) -> Option<(Self, &[u8])> {
        let (&[what, key, kind, zone, role, custodian_role, a, b, c], data) = data.split_first_chunk()?;
        let (expires, data) = data.split_first_chunk()?;
        let (now, mut data) = data.split_first_chunk()?;
        let mut name = |len: u8| {
            let (name, rest) = data.split_at(usize::from(len).min(data.len()));
            data = rest;
            String::from_utf8_lossy(name).into_owned()
        };
        let (account, platform, custodian) = (name(a), name(b), name(c));
        let len = MIN_KEY_BYTES + usize::from(key) % (MAX_KEY_BYTES - MIN_KEY_BYTES + 1);
        let has_custodian = !custodian.is_empty() || custodian_role != 0;
        let trial = Trial {
            what,
            key: vec![key; len],
            login: Login {
                identity: Identity { account, platform, zone_id: zone.into(), role_id: role.into() },
                kind: [ClientKind::Guest, ClientKind::Player, ClientKind::Operator][usize::from(kind % 3)],
                custodian: has_custodian
                    .then(|| Custodian { account: custodian, role_id: custodian_role.into() }),
                ..Login::default()
            },
            expires: u64::from_be_bytes(*expires),
            now: u64::from_be_bytes(*now),
        };
        Some((trial, data))
    }

    fn keys(&self) -> Keys {
        Keys::from_text(hex(&self.key).as_bytes()).expect("a key")
    }

    /// Verifies a text, and checks the result against the other implementation.
    fn verify(&self, text: &str) {
        let verified = self.keys().verify(text, &self.login, self.now);
        let expected = self.expected(text);
        assert_eq!(verified, expected, "{text:?}");
        if let Ok(expires) = verified {
            assert_eq!(self.keys().sign(&self.login, expires), text, "one login has two tokens");
        }
    }

    fn expected(&self, text: &str) -> Result<u64, TokenError> {
        let [b"1", digits, mac] = *text.as_bytes().split(|byte| *byte == b'.').collect::<Vec<_>>() else {
            return Err(TokenError::Malformed);
        };
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        let is_mac = mac.len() == 64 && mac.iter().all(|byte| b"0123456789abcdef".contains(byte));
        if !is_number || !is_mac || digits.len() > 1 && digits[0] == b'0' {
            return Err(TokenError::Malformed);
        }
        let value =
            |value: Option<u64>, digit: &u8| value?.checked_mul(10)?.checked_add((digit - b'0').into());
        let expires = digits.iter().fold(Some(0), value).ok_or(TokenError::Malformed)?;
        match () {
            () if mac != hex(&self.mac(expires)).as_bytes() => Err(TokenError::Forged),
            () if expires <= self.now => Err(TokenError::Expired),
            () => Ok(expires),
        }
    }

    fn mac(&self, expires: u64) -> [u8; 32] {
        let Login { identity, kind, custodian, .. } = &self.login;
        let custodian = custodian.clone().unwrap_or_default();
        let fields = [
            "sysconn login".to_owned(),
            expires.to_string(),
            identity.account.clone(),
            identity.platform.clone(),
            identity.zone_id.to_string(),
            identity.role_id.to_string(),
            (*kind as u8).to_string(),
            custodian.account,
            custodian.role_id.to_string(),
        ];
        let mut mac = HMAC::new(&self.key);
        for field in fields {
            mac.update(format!("{}:", field.len()));
            mac.update(field);
            mac.update(",");
        }
        mac.finalize()
    }

    /// A token with a byte changed (bits 3 and 4: 0, 1), inserted (2) or removed (3).
    fn changed(&self, text: &[u8]) -> String {
        let mut token = self.keys().sign(&self.login, self.expires).into_bytes();
        let [place, byte, ..] = *text else { return String::new() };
        let place = usize::from(place) % token.len();
        match self.what >> 3 & 3 {
            0 | 1 => token[place] = byte,
            2 => token.insert(place, byte),
            _ => drop(token.remove(place)),
        }
        String::from_utf8_lossy(&token).into_owned()
    }

    fn of_another_login(&self) -> String {
        let mut login = self.login.clone();
        let Identity { account, platform, zone_id, role_id } = &mut login.identity;
        match self.what >> 3 & 7 {
            0 => account.push('0'),
            1 => platform.push('0'),
            2 => *zone_id += 1,
            3 => *role_id += 1,
            4 => {
                login.kind =
                    if login.kind == ClientKind::Operator { ClientKind::Guest } else { ClientKind::Operator }
            }
            5 => login.custodian.get_or_insert_default().account.push('0'),
            6 => login.custodian.get_or_insert_default().role_id += 1,
            // The border between two names.
            _ => std::mem::swap(account, platform),
        }
        self.keys().sign(&login, self.expires)
    }

    fn of_another_key(&self) -> String {
        let mut key = self.key.clone();
        key[0] ^= 1 << (self.what >> 3 & 7);
        let keys = Keys::from_text(hex(&key).as_bytes()).expect("a key");
        keys.sign(&self.login, self.expires)
    }
}

/// Checks that a file of keys is accepted if all its lines are valid and the number of keys is.
fn read_keys(text: &[u8]) {
    let is_ignored = |line: &[u8]| line.is_empty() || line[0] == b'#';
    let is_key = |line: &[u8]| {
        let bytes = line.len() / 2;
        line.len().is_multiple_of(2)
            && line.iter().all(u8::is_ascii_hexdigit)
            && (MIN_KEY_BYTES..=MAX_KEY_BYTES).contains(&bytes)
    };
    let lines: Vec<_> = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    let wrong = lines.iter().position(|line| !is_ignored(line) && !is_key(line));
    let above = lines.iter().enumerate().filter(|(_, line)| is_key(line)).nth(MAX_KEYS);
    let count = lines.iter().filter(|line| is_key(line)).count();
    let expected = match (wrong, above) {
        (Some(wrong), Some((above, _))) if above < wrong => Err(KeysError::TooMany),
        (Some(wrong), _) => Err(KeysError::Line(wrong + 1)),
        (None, Some(_)) => Err(KeysError::TooMany),
        (None, None) if count == 0 => Err(KeysError::None),
        (None, None) => Ok(format!("Keys({count})")),
    };
    assert_eq!(Keys::from_text(text).map(|keys| format!("{keys:?}")), expected);
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits =
        bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    digits.map(char::from).collect()
}
