//! The lists of connections and routes.

use serde_json::{Value, json};

use super::stage::Stage;

/// The accounts of a page.
fn accounts(page: &Value) -> Vec<&str> {
    let connections = page["connections"].as_array().unwrap().iter();
    connections.map(|connection| connection["account"].as_str().unwrap()).collect()
}

#[test]
fn connections_are_paged_sorted_and_searched() {
    for workers in ["1", "3"] {
        let stage = Stage::new(&["--workers", workers]);
        let mut players: Vec<_> =
            (0..9_u64).map(|number| stage.player(&format!("player{number}"), (1 << 60) + number)).collect();
        for (number, player) in players.iter_mut().enumerate() {
            for _ in 0..number {
                player.echo(b"");
            }
        }
        let all = stage.json("/api/connections");
        assert_eq!((&all["total"], &all["matching"], accounts(&all).len()), (&json!(9), &json!(9), 9));
        // Pages without an order have each connection once.
        let mut seen: Vec<String> = vec![];
        for offset in [0, 4, 8, 12] {
            let page = stage.json(&format!("/api/connections?offset={offset}&limit=4"));
            seen.extend(accounts(&page).into_iter().map(str::to_owned));
            assert_eq!(page["total"], json!(9));
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..9).map(|number| format!("player{number}")).collect::<Vec<_>>());
        let page = stage.json("/api/connections?sort=-recv_count&limit=3&offset=1");
        assert_eq!(accounts(&page), ["player7", "player6", "player5"]);
        let page = stage.json("/api/connections?sort=account&limit=2");
        assert_eq!(accounts(&page), ["player0", "player1"]);
        let page = stage.json("/api/connections?search=PLAYER5");
        assert_eq!((accounts(&page), &page["matching"]), (vec!["player5"], &json!(1)));
        let role_id = ((1_u64 << 60) + 3).to_string();
        let page = stage.json(&format!("/api/connections?search={role_id}"));
        assert_eq!(accounts(&page), ["player3"]);
        assert_eq!(page["connections"][0]["role_id"], json!(role_id));
        assert_eq!(page["connections"][0]["kind"], json!("game-server"));
        assert_eq!(page["connections"][0]["recv_count"], json!(4));
        assert!(page["connections"][0]["id"].is_string());
        assert_eq!(stage.json("/api/connections?search=nobody")["matching"], json!(0));
        for bad in
            ["limit=0", "limit=1001", "sort=nothing", "offset=-1", "sort=id&offset=10000", "search=%ff"]
        {
            assert_eq!(stage.get(&format!("/api/connections?{bad}")).status, 400, "{bad}");
        }
        let long = "x".repeat(65);
        assert_eq!(stage.get(&format!("/api/connections?search={long}")).status, 400);
    }
}

#[test]
fn names_with_markup_and_control_characters_are_json_strings() {
    let stage = Stage::new(&[]);
    let name = "<script>\"\\\u{1b}[31m\u{202e}";
    let _player = stage.player(name, 1);
    assert_eq!(accounts(&stage.json("/api/connections")), [name]);
    assert_eq!(accounts(&stage.json("/api/connections?search=%3Cscript%3E%22")), [name]);
}

#[test]
fn routes_are_those_that_the_server_has() {
    for (more, has_block) in [(&[][..], false), (&["--diagnostics"], true)] {
        let stage = Stage::new(more);
        let routes = stage.json("/api/routes");
        let find = |cmd: u64| routes.as_array().unwrap().iter().find(|route| route["cmd"] == json!(cmd));
        assert_eq!(find(1107).is_some(), has_block);
        let join = find(1201).unwrap();
        assert_eq!((&join["name"], &join["access"]), (&json!("join"), &json!("role")));
        assert_eq!(join["template"], json!({ "room": "" }));
        assert_eq!(find(1101).unwrap()["template"], Value::Null);
    }
}
