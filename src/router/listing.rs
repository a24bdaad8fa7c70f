//! The routes of a router as data, and as JSON, for listings and for tools in other languages.

use std::fmt::Write as _;

use super::application::Application;
use super::table::{Module, Route, Router};

/// One route of a router, as a listing shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteInfo {
    /// The command.
    pub cmd: u16,
    /// The name of its module.
    pub module: &'static str,
    /// Its own name.
    pub name: &'static str,
    /// Who may call it: see [`Access::word`](super::Access::word).
    pub access: &'static str,
    /// The name of the message that it takes, if [`Route::messages`] has named one.
    pub request: Option<&'static str>,
    /// The name of the message that it replies with, if [`Route::messages`] has named one.
    pub reply: Option<&'static str>,
    /// Whether its Data is [secret](Route::secret).
    pub secret: bool,
    /// Whether each request is [owed a reply](Route::replies).
    pub replies: bool,
    /// Whether later packets pass a [deferred request](Route::unordered).
    pub unordered: bool,
    /// Whether [refusals carry Data](Route::refusals_carry_data).
    pub refusals_carry_data: bool,
    /// The [deadline](Route::deadline) of a deferred request, in milliseconds, if there is one.
    pub deadline_ms: Option<u64>,
}

impl<S: Application> Router<S> {
    /// All routes, in the order of their commands.
    pub fn routes(&self) -> impl Iterator<Item = RouteInfo> {
        let routes_of =
            |module: &'static Module<S>| module.routes().map(|route| RouteInfo::new(module.name(), route));
        self.modules().flat_map(routes_of)
    }

    /// All routes as JSON (RFC 8259): an array of objects, one on each line, in the order of their commands.
    ///
    /// An object has the fields of [`RouteInfo`], under the same names and in the same order; one without a
    /// value is `null`. Later versions may add fields.
    #[must_use]
    pub fn routes_json(&self) -> String {
        let mut json = String::from("[");
        for (index, route) in self.routes().enumerate() {
            json.push_str(if index == 0 { "\n" } else { ",\n" });
            route.push_json(&mut json);
        }
        json.push_str("\n]\n");
        json
    }
}

impl RouteInfo {
    fn new<S: Application>(module: &'static str, route: &Route<S>) -> Self {
        let (request, reply) = route.message_names();
        RouteInfo {
            cmd: route.cmd(),
            module,
            name: route.name(),
            access: route.access().word(),
            request,
            reply,
            secret: route.is_secret(),
            replies: route.owes_reply(),
            unordered: route.is_unordered(),
            refusals_carry_data: route.refuses_with_data(),
            deadline_ms: Some(route.deadline_ms()).filter(|deadline| *deadline > 0),
        }
    }

    /// Appends the route as a JSON object.
    fn push_json(&self, json: &mut String) {
        let RouteInfo { cmd, module, name, access, request, reply, .. } = *self;
        // Writing to a string never fails.
        let _ = write!(json, r#"{{"cmd":{cmd}"#);
        let texts = [("module", Some(module)), ("name", Some(name)), ("access", Some(access))];
        for (key, text) in texts.into_iter().chain([("request", request), ("reply", reply)]) {
            let _ = write!(json, r#","{key}":"#);
            match text {
                Some(text) => push_string(json, text),
                None => json.push_str("null"),
            }
        }
        let RouteInfo { secret, replies, unordered, refusals_carry_data, deadline_ms, .. } = *self;
        let deadline = deadline_ms.map_or_else(|| "null".to_owned(), |deadline| deadline.to_string());
        let _ = write!(json, r#","secret":{secret},"replies":{replies},"unordered":{unordered}"#);
        let _ = write!(json, r#","refusals_carry_data":{refusals_carry_data},"deadline_ms":{deadline}}}"#);
    }
}

/// Appends a JSON string (RFC 8259 §7).
fn push_string(json: &mut String, text: &str) {
    json.push('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => json.extend(['\\', char]),
            '\0'..='\x1f' => {
                let _ = write!(json, "\\u{:04x}", u32::from(char));
            }
            _ => json.push(char),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::router::{Access, Outcome};

    struct Game;

    impl Application for Game {
        type Session = ();
    }

    const fn route(cmd: u16, name: &'static str, access: Access) -> Route<Game> {
        Route::new(cmd, name, access, |_, _, _| Outcome::Done)
    }

    static ROOM: Module<Game> = Module::new(
        12,
        "room",
        [
            route(1202, "leave", Access::Role).messages("", "room.Left"),
            route(1201, "join", Access::Role).messages("room.Join", "room.Joined"),
        ],
    );
    static ODD: Module<Game> = Module::new(
        0,
        "od\"d\\\n",
        [route(7, "ä\u{1f}/", Access::Anyone)
            .secret()
            .replies()
            .unordered()
            .refusals_carry_data()
            .deadline(Duration::from_millis(1500))],
    );
    static ROUTER: Router<Game> = Router::new([&ROOM, &ODD]);

    #[test]
    fn routes_are_listed_in_the_order_of_their_commands() {
        let found: Vec<_> = ROUTER.routes().map(|route| (route.cmd, route.module, route.name)).collect();
        assert_eq!(found, [(7, "od\"d\\\n", "ä\u{1f}/"), (1201, "room", "join"), (1202, "room", "leave")]);
        let messages: Vec<_> = ROUTER.routes().map(|route| (route.request, route.reply)).collect();
        let joins = (Some("room.Join"), Some("room.Joined"));
        assert_eq!(messages, [(None, None), joins, (None, Some("room.Left"))]);
    }

    #[test]
    fn the_json_has_all_fields_and_escapes_them() {
        const ORDINARY: &str =
            r#""replies":false,"unordered":false,"refusals_carry_data":false,"deadline_ms":null"#;
        let expected = [
            r#"{"cmd":7,"module":"od\"d\\\u000a","name":"ä\u001f/","access":"anyone","request":null,"reply":null,"#,
            r#""secret":true,"replies":true,"unordered":true,"refusals_carry_data":true,"deadline_ms":1500},"#,
            "\n",
            r#"{"cmd":1201,"module":"room","name":"join","access":"role","request":"room.Join","reply":"room.Joined","#,
            r#""secret":false,"#,
            ORDINARY,
            "},\n",
            r#"{"cmd":1202,"module":"room","name":"leave","access":"role","request":null,"reply":"room.Left","#,
            r#""secret":false,"#,
            ORDINARY,
            "}",
        ];
        let expected = format!("[\n{}\n]\n", expected.concat());
        assert_eq!(ROUTER.routes_json(), expected);
        assert_eq!(Router::<Game>::new([]).routes_json(), "[\n]\n");
    }

    #[test]
    fn each_character_that_json_forbids_in_a_string_is_escaped() {
        for (text, expected) in [
            ("", r#""""#),
            ("\"\\/", r#""\"\\/""#),
            ("\0\u{8}\t\n\r\u{1f}", r#""\u0000\u0008\u0009\u000a\u000d\u001f""#),
            ("\u{20}\u{7f}\u{80}\u{2028}é房\u{1f600}", "\" \u{7f}\u{80}\u{2028}é房\u{1f600}\""),
        ] {
            let mut json = String::new();
            push_string(&mut json, text);
            assert_eq!(json, expected, "{text:?}");
        }
    }
}
