//! Requests to the game through the admin server.

use prost::Message as _;
use serde_json::{Value, json};

use super::messages::account::Login;
use super::stage::{LOOPBACK, Stage, folder};

fn call(stage: &Stage, body: &Value) -> Value {
    let answer = stage.post("/api/call", &body.to_string());
    assert_eq!(answer.status, 200, "{body}: {answer:?}");
    answer.json()
}

fn login() -> Value {
    json!({ "account": "one", "platform": "test", "role_id": "1" })
}

#[test]
fn the_game_is_called() {
    let stage = Stage::new(&[]);
    let reply = call(&stage, &json!({ "cmd": 1101, "hex": "00ffA5" }));
    assert_eq!(
        (&reply["cmd"], &reply["error_id"], &reply["hex"]),
        (&json!(1101), &json!(0), &json!("00ffa5"))
    );
    assert!(reply["json"].is_null() && reply["meaning"].is_null() && reply["took_ms"].is_number(), "{reply}");
    let reply = call(&stage, &json!({ "cmd": "account.server_time" }));
    assert!(reply["json"]["server_time_ms"].is_string(), "{reply}");
    // A refusal is an answer of the game.
    let reply = call(&stage, &json!({ "cmd": 1103, "hex": "0064" }));
    assert_eq!((&reply["error_id"], &reply["meaning"]), (&json!(100), &json!("the application's own")));
    let reply = call(&stage, &json!({ "cmd": 999 }));
    assert_eq!(reply["meaning"], json!("no such command"));
    // With a login.
    let body = json!({ "cmd": 1201, "json": { "room": "lobby" }, "login": login() });
    assert_eq!(call(&stage, &body)["json"], json!({ "members": 1 }));
    let log = stage.log();
    assert!(log.contains(r#"admin call cmd=1201 account="one" role_id=1 admin=127.0.0.1:"#), "{log}");
}

#[test]
fn a_call_of_the_login_says_whose_role_it_takes_over() {
    let stage = Stage::new(&[]);
    let message =
        Login { account: "hex".to_owned(), platform: "test".to_owned(), role_id: 2, ..Login::default() };
    let hex: String = message.encode_to_vec().iter().map(|byte| format!("{byte:02x}")).collect();
    for (field, data, who) in
        [("json", login(), "account=\"one\" role_id=1"), ("hex", json!(hex), "account=\"hex\" role_id=2")]
    {
        assert_eq!(call(&stage, &json!({ "cmd": 1002, field: data }))["error_id"], json!(0));
        let log = stage.log();
        assert!(log.contains(&format!("admin call cmd=1002 {who} admin=127.0.0.1:")), "{log}");
    }
}

#[test]
fn calls_that_cannot_be_made_are_refused() {
    let stage = Stage::new(&[]);
    for (body, status, part) in [
        (json!({ "cmd": 1201, "json": { "room": "lobby" } }), 403, "command 1201 is not for anyone"),
        (json!({ "cmd": 1201, "json": { "rooms": 1 }, "login": login() }), 400, "json: expected "),
        (json!({ "cmd": 1101, "json": {} }), 400, "no message of command 1101 is known"),
        (json!({ "cmd": 1101, "hex": "0" }), 400, "hex: expected"),
        (json!({ "cmd": 1101, "hex": "0g" }), 400, "hex: expected"),
        (json!({ "cmd": 1044, "hex": "", "json": {} }), 400, "json or hex"),
        (json!({ "cmd": "no.such" }), 400, "unknown command"),
        (json!({ "cmd": 65536 }), 400, "the body: "),
        (json!({ "cmd": 1201, "login": { "acount": "one" } }), 400, "login: expected "),
        (json!({ "cmd": 1201, "login": { "account": "one" } }), 502, "the login was refused with ErrorID 7"),
        (json!({ "cmd": 1101, "hex": "00", "else": 1 }), 400, "the body: "),
        (json!({ "cmd": 1103, "hex": "00" }), 502, "the game ended the connection: "),
    ] {
        let answer = stage.post("/api/call", &body.to_string());
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(answer.json()["error"].as_str().unwrap().contains(part), "{body}: {answer:?}");
    }
}

#[test]
fn the_game_is_reached_whatever_it_asks_of_clients() {
    let folder = folder();
    let certified = rcgen::generate_simple_self_signed(["game.example".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (cert, key) =
        (file("cert.pem", certified.cert.pem()), file("key.pem", certified.signing_key.serialize_pem()));
    let options: [&[&str]; 6] = [
        &["--path", "/game/*"],
        &["--origin", "https://*.example.com"],
        &["--subprotocol", "v1", "--subprotocol-required"],
        &["--proxy-protocol", "127.0.0.1", "--auth", "open"],
        &["--tls-cert", &cert, "--tls-key", &key],
        &["--tls-cert", &cert, "--tls-key", &key, "--proxy-protocol", "127.0.0.0/8", "--auth", "open"],
    ];
    for more in options {
        let stage = Stage::at(LOOPBACK, true, more);
        assert_eq!(call(&stage, &json!({ "cmd": 1101, "hex": "0102" }))["hex"], json!("0102"), "{more:?}");
        let metrics = stage.get("/metrics").body;
        let has_file = metrics.contains("sysconn_tls_certificate_not_after_timestamp_seconds{file=\"");
        assert_eq!(has_file, more[0] == "--tls-cert", "{more:?}");
    }
    let _ = std::fs::remove_dir_all(&folder);
}
