//! Any bytes as the platform's answer to a login code: what the program reads in it is what a second reader
//! of JSON does, and spaces around it change nothing.
//!
//! Input: the body of the answer.

#![no_main]

#[allow(dead_code, reason = "the program's own module, of which not all is needed here")]
#[path = "../../../gateway/src/wechat/answer.rs"]
mod answer;
mod json;

use answer::{Answer, MAX_BODY_BYTES, Unusable, read};
use json::{Json, parse};
use libfuzzer_sys::fuzz_target;
use sysconn_fuzz::bounded;

fuzz_target!(|body: &[u8]| {
    let mut found = None;
    bounded(|| found = Some(read(body)));
    let found = found.expect("it is done");
    if let Some(expected) = expected(body) {
        assert_eq!(found, expected);
    }
    if let Answer::Openid(openid) = &found {
        assert!((1..=255).contains(&openid.len()));
    }
    if body.len() + 2 <= MAX_BODY_BYTES {
        assert_eq!(read(&[b" ", body, b"\n"].concat()), found, "spaces make a difference");
    }
});

/// The answer by the second reader. `None` if it has a number so near the largest that readers may differ.
fn expected(body: &[u8]) -> Option<Answer> {
    if body.len() > MAX_BODY_BYTES {
        return Some(Answer::Unusable(Unusable::TooLong));
    }
    let Ok(Json::Object(fields)) = parse(body)? else {
        return Some(Answer::Unusable(Unusable::NotJson));
    };
    // Of two fields of one name the last counts.
    let field = |name| fields.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value);
    match field("errcode") {
        None | Some(Json::Null | Json::Integer(0)) => {}
        Some(Json::Integer(errcode)) => return Some(Answer::Errcode(*errcode)),
        Some(_) => return Some(Answer::Unusable(Unusable::NoErrcode)),
    }
    Some(match field("openid") {
        Some(Json::Text(openid)) if !openid.is_empty() && openid.len() < 256 => {
            Answer::Openid(openid.clone())
        }
        _ => Answer::Unusable(Unusable::NoOpenid),
    })
}
