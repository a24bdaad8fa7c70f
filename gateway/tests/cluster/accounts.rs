//! Used tokens, and the roles of accounts of a platform, are in one store for all nodes.

use std::fs;

use prost::Message as _;
use sysconn::token::Keys;
use sysconn::{ClientKind, Identity, Login};

use super::client::game;
use super::common::{Client, Reply};
use super::messages::account;
use super::nats;
use super::nodes::Nodes;
use super::platform::{APPID, Platform, SECRET, code_of};

#[test]
fn a_token_is_good_once_on_all_nodes() {
    let folder = nats::folder();
    let file = folder.join("keys");
    fs::write(&file, "01".repeat(32)).unwrap();
    let keys = Keys::from_text("01".repeat(32).as_bytes()).unwrap();
    let login = |role_id: u64| {
        let account::Login { account, platform, zone_id, .. } = game(role_id);
        let identity = Identity { account, platform, zone_id, role_id };
        let token = keys.sign(&Login { identity, kind: ClientKind::Player, ..Login::default() }, u64::MAX);
        account::Login { token, ..game(role_id) }
    };
    let more = ["--token-keys", file.to_str().unwrap(), "--login-replay", "deny", "--accounts-node", "a"];
    let mut nodes = Nodes::start(&["a", "b", "c"], &more);
    let ask = |nodes: &Nodes, name: &str, login: &account::Login| -> Reply {
        let mut client = Client::connect(nodes.of(name).address());
        client.answer(1002, login)
    };
    for (first, again) in [("a", "b"), ("b", "a"), ("b", "c"), ("c", "c")] {
        let login = login(7);
        // A token of its own each time.
        let login = account::Login { token: login.token, ..login };
        let used = ask(&nodes, first, &login).error_id;
        assert_eq!(used, if first == "a" { 0 } else { 7 }, "{first}: the token is the same");
        assert_eq!(ask(&nodes, again, &login).error_id, 7, "from {first} to {again}");
    }
    for (role_id, name) in [(8, "b"), (9, "c"), (10, "a")] {
        assert_eq!(ask(&nodes, name, &login(role_id)).error_id, 0, "{name}");
    }
    drop(nodes.take("a"));
    assert_eq!(ask(&nodes, "b", &login(11)).error_id, 6, "nobody knows it");
    let _ = fs::remove_dir_all(folder);
}

#[test]
fn an_account_has_one_role_on_all_nodes() {
    let folder = nats::folder();
    let secret = folder.join("secret");
    fs::write(&secret, SECRET).unwrap();
    let (platform, secret) = (Platform::start(), secret.to_str().unwrap());
    let url = platform.url();
    let wechat = ["--wechat-appid", APPID, "--wechat-url", &url, "--wechat-secret-file", secret];
    let mut nodes = Nodes::start(&["a", "b", "c"], &[&wechat[..], &["--accounts-node", "a"]].concat());
    let log_in = |nodes: &Nodes, name: &str, account: &str| {
        let mut client = Client::connect(nodes.of(name).address());
        let code = code_of(account);
        let message = account::WechatLogin { code, platform: "wechat".to_owned(), zone_id: 1 };
        let reply = client.answer(1001, &message);
        (reply.error_id == 0)
            .then(|| account::WechatLoggedIn::decode(&*reply.data).unwrap().role_id)
            .ok_or(reply.error_id)
    };
    let roles = ["b", "a", "c", "b"].map(|name| log_in(&nodes, name, "one").unwrap());
    assert!(roles.iter().all(|role_id| *role_id == roles[0]), "{roles:?}");
    assert_ne!(log_in(&nodes, "c", "two").unwrap(), roles[0]);
    drop(nodes.take("a"));
    assert_eq!(log_in(&nodes, "b", "one"), Err(6), "nobody knows it");
    let _ = fs::remove_dir_all(folder);
}
