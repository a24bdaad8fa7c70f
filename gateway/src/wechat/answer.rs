//! What the platform answers: the account of a code, or why there is none.

use std::fmt;

use serde_json::Value;

/// The most bytes of an answer.
pub(crate) const MAX_BODY_BYTES: usize = 16 * 1024;
/// The most bytes of an account.
const MAX_OPENID_BYTES: usize = 255;

/// An answer of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The account that the code is of.
    Openid(String),
    /// It refuses, with an `errcode` other than 0.
    Errcode(i64),
    /// It is no answer.
    Unusable(Unusable),
}

/// Why an answer is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// More than 16 KiB.
    TooLong,
    NotJson,
    /// There is an `errcode`, but it is no integer.
    NoErrcode,
    /// There is no `openid` that is a text of 1 to 255 bytes.
    NoOpenid,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unusable::TooLong => "the answer has more than 16 KiB",
            Unusable::NotJson => "the answer is no JSON object",
            Unusable::NoErrcode => "the errcode in the answer is no integer",
            Unusable::NoOpenid => "the answer has no openid of 1 to 255 bytes",
        })
    }
}

/// Reads the body of an answer. Fields other than `errcode` and `openid` are dropped, the session key among
/// them.
pub(crate) fn read(body: &[u8]) -> Answer {
    if body.len() > MAX_BODY_BYTES {
        return Answer::Unusable(Unusable::TooLong);
    }
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(body) else {
        return Answer::Unusable(Unusable::NotJson);
    };
    match fields.get("errcode") {
        None | Some(Value::Null) => {}
        Some(errcode) => match errcode.as_i64() {
            Some(0) => {}
            Some(errcode) => return Answer::Errcode(errcode),
            None => return Answer::Unusable(Unusable::NoErrcode),
        },
    }
    match fields.remove("openid") {
        Some(Value::String(openid)) if (1..=MAX_OPENID_BYTES).contains(&openid.len()) => {
            Answer::Openid(openid)
        }
        _ => Answer::Unusable(Unusable::NoOpenid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_an_account_or_a_reason() {
        let openid = |text: &str| Answer::Openid(text.to_owned());
        let long = |bytes| format!(r#"{{"openid":"{}"}}"#, "x".repeat(bytes));
        let padded = |bytes: usize| format!("{:bytes$}", r#"{"openid":"o"}"#);
        let (not_json, no_openid) =
            (Answer::Unusable(Unusable::NotJson), Answer::Unusable(Unusable::NoOpenid));
        let cases = [
            (r#"{"openid":"o1","session_key":"k","unionid":"u"}"#.to_owned(), openid("o1")),
            (r#"{"openid":"o1","errcode":0,"errmsg":"ok"}"#.to_owned(), openid("o1")),
            (r#"{"openid":"o1","errcode":null}"#.to_owned(), openid("o1")),
            (r#" { "\u006fpenid" : "\u0031" } "#.to_owned(), openid("1")),
            (long(255), openid(&"x".repeat(255))),
            (padded(MAX_BODY_BYTES), openid("o")),
            (r#"{"errcode":40029,"errmsg":"invalid code"}"#.to_owned(), Answer::Errcode(40029)),
            (r#"{"errcode":-1,"openid":"o1"}"#.to_owned(), Answer::Errcode(-1)),
            (r#"{"errcode":1,"errcode":2}"#.to_owned(), Answer::Errcode(2)),
            (padded(MAX_BODY_BYTES + 1), Answer::Unusable(Unusable::TooLong)),
            (String::new(), not_json.clone()),
            ("<html>".to_owned(), not_json.clone()),
            (r#"["openid"]"#.to_owned(), not_json.clone()),
            (r#"{"openid":"o1""#.to_owned(), not_json.clone()),
            (r#"{"openid":"o1"}{}"#.to_owned(), not_json.clone()),
            ("[".repeat(MAX_BODY_BYTES), not_json),
            (r#"{"errcode":"40029"}"#.to_owned(), Answer::Unusable(Unusable::NoErrcode)),
            (r#"{"errcode":0.5,"openid":"o1"}"#.to_owned(), Answer::Unusable(Unusable::NoErrcode)),
            (r#"{"errcode":1e99}"#.to_owned(), Answer::Unusable(Unusable::NoErrcode)),
            ("{}".to_owned(), no_openid.clone()),
            (r#"{"openid":""}"#.to_owned(), no_openid.clone()),
            (r#"{"openid":7}"#.to_owned(), no_openid.clone()),
            (long(256), no_openid),
        ];
        for (body, expected) in cases {
            assert_eq!(read(body.as_bytes()), expected, "{body}");
        }
        assert_eq!(read(b"{\"openid\":\"\xff\"}"), Answer::Unusable(Unusable::NotJson));
    }
}
