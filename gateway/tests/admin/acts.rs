//! What operators do to connections and to the black list.

use std::fs;

use prost::Message as _;
use serde_json::{Value, json};

use super::common::{Client, eventually};
use super::messages::account::Login;
use super::stage::{Stage, folder};

/// The id of the connection with this account.
fn id_of(stage: &Stage, account: &str) -> String {
    let page = stage.json(&format!("/api/connections?search={account}"));
    assert_eq!(page["connections"].as_array().unwrap().len(), 1, "{page}");
    page["connections"][0]["id"].as_str().unwrap().to_owned()
}

/// A body that names a connection.
fn of(id: &str) -> String {
    json!({ "id": id }).to_string()
}

fn switch(id: &str, on: bool) -> String {
    json!({ "id": id, "on": on }).to_string()
}

#[test]
fn a_connection_is_kicked_and_the_log_says_by_whom() {
    for workers in ["1", "3"] {
        let stage = Stage::new(&["--workers", workers]);
        let mut players: Vec<Client> =
            (1..=6).map(|number| stage.player(&format!("player{number}"), number)).collect();
        for number in 1..=6 {
            let id = id_of(&stage, &format!("player{number}"));
            assert_eq!(stage.post("/api/kick", &of(&id)).json(), json!({ "ok": true }));
            players[number - 1].expect_close(4010, "kicked");
            let log = stage.log();
            let line = log.lines().find(|line| line.contains(&format!("admin kick id={id} "))).unwrap();
            let whom = format!("account=\"player{number}\" role_id={number} admin=127.0.0.1:");
            assert!(line.contains(&whom), "{line}");
            eventually("it is gone", || stage.post("/api/kick", &of(&id)).status == 404);
        }
    }
}

#[test]
fn an_act_for_a_connection_of_an_earlier_start_meets_nobody() {
    let stage = Stage::new(&["--record", folder().to_str().unwrap(), "--record-debugged"]);
    let mut player = stage.player("one", 1);
    let page = stage.json("/api/connections");
    let [id, began] = ["id", "connected_ms"].map(|name| page["connections"][0][name].as_str().unwrap());
    let earlier = (began.parse::<u64>().unwrap() - 1).to_string();
    for (path, on) in [("/api/kick", None), ("/api/debug", Some(true)), ("/api/record", Some(true))] {
        let act = |connected_ms: &str| {
            let mut body = json!({ "id": id, "connected_ms": connected_ms });
            if let Some(on) = on {
                body["on"] = on.into();
            }
            stage.post(path, &body.to_string()).status
        };
        assert_eq!(act(&earlier), 404, "{path}");
        assert_eq!(act("-1"), 400, "{path}");
    }
    player.send_packet(1101, 7, b"hello");
    assert_eq!(player.reply().data, b"hello");
    let now = stage.json("/api/connections");
    assert_eq!(now["connections"][0]["debug"], json!(false));
    assert!(!stage.log().contains("] admin "), "{}", stage.log());
    let body = json!({ "id": id, "connected_ms": began }).to_string();
    assert_eq!(stage.post("/api/kick", &body).json(), json!({ "ok": true }));
    player.expect_close(4010, "kicked");
}

#[test]
fn packets_of_a_connection_are_logged_while_its_debug_is_on() {
    let stage = Stage::new(&[]);
    let mut player = stage.player("one", 1);
    let id = id_of(&stage, "one");
    let echo = |player: &mut Client| {
        player.send_packet(1101, 7, b"hello");
        assert_eq!(player.reply().data, b"hello");
    };
    let logged = || stage.log().matches("68656c6c6f").count() + stage.log().matches("68 65 6c 6c 6f").count();
    echo(&mut player);
    assert_eq!(logged(), 0);
    assert_eq!(stage.post("/api/debug", &switch(&id, true)).status, 200);
    assert_eq!(stage.json("/api/connections")["connections"][0]["debug"], json!(true));
    echo(&mut player);
    eventually("both packets are in the log", || logged() == 2);
    assert_eq!(stage.post("/api/debug", &switch(&id, false)).status, 200);
    echo(&mut player);
    assert_eq!(logged(), 2);
}

#[test]
fn one_connection_is_recorded_and_its_recording_is_shown() {
    let folder = folder();
    let stage = Stage::new(&["--record", folder.to_str().unwrap(), "--record-debugged"]);
    let (mut player, mut other) = (stage.player("one", 1), stage.player("two", 2));
    let id = id_of(&stage, "one");
    assert_eq!(stage.json("/api/recordings"), json!({ "is_on": true, "recordings": [] }));
    assert_eq!(stage.post("/api/record", &switch(&id, true)).status, 200);
    for client in [&mut player, &mut other] {
        client.send_packet(1101, 7, b"hello");
        assert_eq!(client.reply().data, b"hello");
    }
    assert_eq!(stage.post("/api/record", &switch(&id, false)).status, 200);
    let mut shown = Value::Null;
    eventually("the recording is complete", || {
        let recordings = stage.json("/api/recordings");
        let Some(name) = recordings["recordings"][0]["id"].as_str().map(str::to_owned) else { return false };
        shown = stage.json(&format!("/api/recordings/{name}"));
        shown["lines"]
            .as_array()
            .unwrap()
            .iter()
            .any(|line| line["text"].as_str().unwrap().contains("switched off"))
    });
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "only one of the two is recorded");
    let lines = shown["lines"].as_array().unwrap();
    let has = |part: &str| lines.iter().any(|line| line["text"].as_str().unwrap().contains(part));
    assert!(has("1101") && shown["head"][0].as_str().unwrap().contains("connection"), "{shown}");
    assert_eq!(shown["total"], json!(lines.len()));
    let name = shown["id"].as_str().unwrap();
    let page = stage.json(&format!("/api/recordings/{name}?offset=1&limit=1"));
    assert_eq!(page["lines"], json!([lines[1]]));
    assert_eq!(stage.get("/api/recordings/..%2f..%2ftoken").status, 404);
    assert_eq!(stage.get("/api/recordings/none").status, 404);
    // Without --record there is nowhere to record to.
    let without = Stage::new(&[]);
    let _player = without.player("one", 1);
    let answer = without.post("/api/record", &switch(&id_of(&without, "one"), true));
    assert!(answer.status == 503 && answer.body.contains("--record"), "{answer:?}");
    assert_eq!(without.json("/api/recordings"), json!({ "is_on": false, "recordings": [] }));
    let _ = fs::remove_dir_all(&folder);
}

#[test]
fn the_black_list_is_changed_and_shown() {
    let stage = Stage::new(&[]);
    let act = |body: &str| stage.post("/api/blacklist", body);
    assert_eq!(act(r#"{"action":"list"}"#).json(), json!({ "total": 0, "entries": [] }));
    let both = r#"{"action":"add","account":"mallory","address":"192.0.2.7","seconds":60}"#;
    assert_eq!(act(both).json()["total"], json!(2));
    let list = act(r#"{"action":"list"}"#).json();
    assert_eq!(list["entries"][0]["account"], json!("mallory"));
    assert_eq!(list["entries"][1]["address"], json!("192.0.2.7"));
    assert!(list["entries"][0]["until_ms"].as_str().unwrap().parse::<u64>().unwrap() > 0);
    let metrics = stage.get("/metrics").body;
    for kind in ["account", "address"] {
        assert!(metrics.contains(&format!("sysconn_blacklist_entries{{kind=\"{kind}\"}} 1\n")), "{metrics}");
    }
    // It acts: that account cannot log in.
    let mut client = stage.client();
    let login = Login { account: "mallory".to_owned(), role_id: 1, ..Login::default() }.encode_to_vec();
    client.send_packet(1002, 1, &login);
    assert_eq!(client.reply().error_id, 7);
    assert_eq!(act(r#"{"action":"remove","account":"mallory"}"#).json()["total"], json!(1));
    client.send_packet(1002, 1, &login);
    assert_eq!(client.reply().error_id, 0);
    assert_eq!(act(r#"{"action":"clear"}"#).json()["total"], json!(0));
    for bad in [
        r#"{"action":"add"}"#,
        r#"{"action":"add","address":"127.0.0.1/8x"}"#,
        r#"{"action":"other"}"#,
        r#"{"action":"list","limit":1001}"#,
        r#"{"action":"list","else":1}"#,
        "{}",
        "",
    ] {
        assert_eq!(act(bad).status, 400, "{bad}");
    }
    let log = stage.log();
    assert!(
        log.contains(
            r#"admin blacklist add account="mallory" address="192.0.2.7" seconds=60 admin=127.0.0.1:"#
        ),
        "{log}"
    );
    // What is refused was not done.
    assert_eq!(log.matches("admin blacklist add").count(), 1, "{log}");
}

#[test]
fn bodies_that_are_wrong_are_refused() {
    let stage = Stage::new(&[]);
    for (path, body) in [
        ("/api/kick", "{}"),
        ("/api/kick", r#"{"id":6}"#),
        ("/api/kick", r#"{"id":"x"}"#),
        ("/api/kick", r#"{"id":"6","more":1}"#),
        ("/api/kick", "[]"),
        ("/api/debug", r#"{"id":"6"}"#),
        ("/api/debug", r#"{"id":"6","on":"yes"}"#),
        ("/api/debug", r#"{"id":"-1","on":true}"#),
    ] {
        let answer = stage.post(path, body);
        assert_eq!(answer.status, 400, "{path} {body}: {answer:?}");
        assert!(answer.json()["error"].is_string());
    }
    // An id of no worker.
    assert_eq!(stage.post("/api/debug", &switch("18446744073709551615", true)).status, 404);
}
