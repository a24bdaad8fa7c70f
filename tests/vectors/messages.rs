//! Protobuf messages of proto/sysconn.proto: numbers above 2⁵³, text outside of the Basic Multilingual Plane.

use prost::Message;

use crate::{array, check, hex, string};

#[path = "../../gateway/src/messages/generated.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "it is generated, and for the gateway"
)]
mod generated;

use generated::{account, room};

/// Above 2⁵³, where a JavaScript number is not exact.
const NUMBERS: [u64; 6] = [0, 1, (1 << 53) + 1, 1 << 63, u64::MAX - 1, u64::MAX];
/// Of one, two, three and four bytes to a character, and of two UTF-16 units.
const TEXTS: [&str; 6] = ["", "a", "é", "游戏", "😀", "a é 游 😀 𝄞"];

/// One vector: the message's name in the proto file, its fields as JSON, and its bytes.
fn vector(message: &str, fields: &str, bytes: &[u8]) -> String {
    format!(r#"{{"message": {}, "fields": {{{fields}}}, "bytes": {}}}"#, string(message), hex(bytes))
}

#[test]
fn the_vectors_have_the_messages() {
    let mut lines = vec![];
    for role_id in NUMBERS {
        let said = room::Said { room: "hall".into(), role_id, text: "hi".into() };
        let fields = format!(r#""room": "hall", "role_id": "{role_id}", "text": "hi""#);
        assert_eq!(room::Said::decode(&*said.encode_to_vec()).unwrap(), said);
        lines.push(vector("m_1210_toc", &fields, &said.encode_to_vec()));
        let time = account::ServerTime { server_time_ms: role_id };
        let fields = format!(r#""server_time_ms": "{role_id}""#);
        lines.push(vector("m_1044_toc", &fields, &time.encode_to_vec()));
    }
    for text in TEXTS {
        let say = room::Say { room: text.into(), text: text.into() };
        assert_eq!(room::Say::decode(&*say.encode_to_vec()).unwrap(), say);
        let fields = format!(r#""room": {}, "text": {}"#, string(text), string(text));
        lines.push(vector("m_1203_tos", &fields, &say.encode_to_vec()));
    }
    check("clients/vectors/messages.json", &array(lines));
}
