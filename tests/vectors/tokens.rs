//! Login tokens, for login services and for tests of clients.

use sysconn::token::Keys;
use sysconn::{ClientKind, Custodian, Identity, Login};

use crate::{array, check, string};

/// A key as in a file of `--token-keys`. It is public, and good for nothing else.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

#[test]
fn the_vectors_have_the_tokens() {
    let keys = Keys::from_text(KEY.as_bytes()).unwrap();
    let logins = [
        ("anna", "web", 1, 7, ClientKind::Player, "", 0, 4_102_444_800),
        ("é 游 😀", "", 0, (1 << 53) + 1, ClientKind::Guest, "", 0, 1),
        ("anna", "web", u32::MAX, u64::MAX, ClientKind::Player, "support 😀", u64::MAX - 1, 4_102_444_800),
        ("ops", "", 0, 1, ClientKind::Operator, "", 0, 4_102_444_800),
    ];
    let lines =
        logins.map(|(account, platform, zone_id, role_id, kind, custodian, custodian_role, expires)| {
            let acts = (!custodian.is_empty())
                .then(|| Custodian { account: custodian.into(), role_id: custodian_role });
            let identity = Identity { account: account.into(), platform: platform.into(), zone_id, role_id };
            let login = Login { identity, kind, custodian: acts, take_topics: false };
            let token = keys.sign(&login, expires);
            assert_eq!(keys.verify(&token, &login, expires - 1), Ok(expires));
            let kind = match kind {
                ClientKind::Guest => "0",
                ClientKind::Player => "1",
                ClientKind::Operator => "2",
            };
            let fields = [
                ("key", string(KEY)),
                ("expires", expires.to_string()),
                ("account", string(account)),
                ("platform", string(platform)),
                ("zone_id", zone_id.to_string()),
                ("role_id", string(&role_id.to_string())),
                ("kind", kind.to_owned()),
                ("custodian", string(custodian)),
                ("custodian_role_id", string(&custodian_role.to_string())),
                ("token", string(&token)),
            ];
            format!("{{{}}}", fields.map(|(name, value)| format!("\"{name}\": {value}")).join(", "))
        });
    check("clients/vectors/tokens.json", &array(lines));
}
