//! Close codes, and what a client does after each.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sysconn::Cause;

use crate::{array, check};

/// Codes without a cause: no code, no Close frame, those of proxies, and those without a meaning.
const OTHERS: [u16; 9] = [1005, 1006, 1012, 1013, 1014, 1015, 3000, 4011, 4999];

/// The advice of each close code that a cause has.
fn advice() -> BTreeMap<u16, String> {
    let row = |cause: &Cause| Some((cause.close_code()?.get(), cause.reconnect().to_string()));
    Cause::ALL.iter().filter_map(row).collect()
}

#[test]
fn the_vectors_have_the_advice() {
    let others = OTHERS.map(|code| (code, "later".to_owned()));
    let all = advice().into_iter().chain(others);
    let lines = all.map(|(code, advice)| format!(r#"{{"code": {code}, "advice": "{advice}"}}"#));
    check("clients/vectors/advice.json", &array(lines));
}

#[test]
fn the_javascript_client_has_the_advice() {
    let mut text = String::from(
        "// @generated from src/cause.rs by tests/vectors; changes here are lost.\n\n\
         import type { Advice } from \"./errors.js\";\n\n\
         /** Whether to connect again after each close code; after any other, \"later\". */\n\
         export const ADVICE: { [code: number]: Advice | undefined } = {\n",
    );
    for (code, advice) in advice() {
        if advice != "later" {
            let _ = writeln!(text, "  {code}: \"{advice}\",");
        }
    }
    text.push_str("};\n");
    check("clients/js/src/advice.ts", &text);
}
