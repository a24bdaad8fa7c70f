//! Accounts that come onto the black list while their logins wait for the store: they are refused too.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use prost::Message;
use sysconn::token::Keys;
use sysconn::{ClientKind, Identity, Login, Workers};

use super::{Gateway, routes};
use crate::auth::Auth;
use crate::blacklist::{Blacklist, Rules};
use crate::cluster::Keeper;
use crate::common::{self, Client, Reply};
use crate::delay::Delay;
use crate::messages::{Kind, account};
use crate::options::AuthOptions;
use crate::options::tests::serve_options;
use crate::store::Store;

/// The login of an account with a token that is good once.
fn login(keys: &Keys, name: &str, role_id: u64) -> Vec<u8> {
    let identity = Identity { account: name.to_owned(), role_id, ..Identity::default() };
    let token = keys.sign(&Login { identity, kind: ClientKind::Player, ..Login::default() }, u64::MAX);
    let kind = Kind::GameServer.into();
    account::Login { account: name.to_owned(), role_id, kind, token, ..account::Login::default() }
        .encode_to_vec()
}

#[test]
fn who_is_listed_while_the_store_works_is_refused() {
    let key = "01".repeat(32);
    let path = std::env::temp_dir().join(format!("sysconn-late-{}", std::process::id()));
    std::fs::write(&path, &key).unwrap();
    let options =
        AuthOptions { token_keys: Some(path.clone()), denies_replay: true, ..AuthOptions::default() };
    let auth = Arc::new(Auth::open(&options).unwrap());
    std::fs::remove_file(&path).unwrap();
    let keys = Keys::from_text(key.as_bytes()).unwrap();
    let store = Arc::new(Store::open(None).unwrap());
    let list = Arc::new(Blacklist::open(Rules::new(&serve_options(&[])), store.clone()).unwrap());
    let delay = Arc::new(Delay::start().unwrap());
    let keeper = Keeper::Here(store.clone());
    let state =
        |worker| Gateway::new(worker, delay.clone(), auth.clone(), list.clone(), keeper.clone(), None);
    let mut workers = Workers::bind(&common::config(), routes(false), state).unwrap();
    let (address, server) = (workers.local_addr().unwrap(), workers.handle());
    let replies = std::thread::scope(|scope| {
        scope.spawn(move || workers.run().unwrap());
        let (held, hold) = sync_channel::<()>(0);
        store.submit(move |_| Ok(_ = hold.recv()), drop);
        let [mut bad, mut good] = [("bad", 1), ("good", 2)].map(|(name, role_id)| {
            let mut client = Client::connect(address);
            client.send_packet(1002, 1, &login(&keys, name, role_id));
            client
        });
        // The worker has handled both by now.
        Client::connect(address).echo(b"round");
        list.add(list.to_add("bad", "").unwrap(), 60, drop);
        drop(held);
        let replies = (bad.reply(), good.reply().error_id);
        server.drain();
        replies
    });
    assert_eq!(replies, (Reply::refusal(1002, 1, 7), 0));
}
