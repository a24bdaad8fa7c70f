//! What follows from a login by a code: the role, and what the client may do with it.

use std::collections::BTreeSet;

use super::common::eventually;
use super::messages::{Kind, room};
use super::platform::code_of;
use super::{Client, Server, WechatLoggedIn};

impl Client {
    fn join(&mut self) -> u32 {
        self.ask::<room::Joined>(1201, &room::Join { room: "room".into() }).members
    }
}

#[test]
fn an_account_keeps_its_role_and_each_zone_has_another() {
    for workers in ["1", "3"] {
        let server = Server::start(&["--workers", workers]);
        let mut roles = BTreeSet::new();
        for zone_id in [0, 1, u32::MAX] {
            for account in ["o1", "o2"] {
                let ask = || server.connect().wechat(&code_of(account), zone_id).unwrap();
                let WechatLoggedIn { role_id, account: told, server_time_ms } = ask();
                assert_eq!((told.as_str(), ask().role_id), (account, role_id));
                assert!(server_time_ms > 1_700_000_000_000);
                roles.insert(role_id);
            }
        }
        assert_eq!(roles.len(), 6, "{roles:?}");
        assert!(!roles.contains(&0));
        let log = server.log();
        assert!(log.contains("at the end their roles will be forgotten"), "{log}");
    }
}

#[test]
fn a_login_is_that_of_a_player() {
    for workers in ["1", "3"] {
        let server = Server::start(&["--workers", workers]);
        let mut client = server.connect();
        let role_id = client.wechat(&code_of("o1"), 7).unwrap().role_id;
        assert_eq!(client.join(), 1);
        let mut watch = server.monitor();
        let found = watch.find(role_id);
        assert_eq!((found.kind(), found.account.as_str()), (Kind::GameServer, "o1"));
        assert_eq!((found.platform.as_str(), found.zone_id), ("wechat", 7));

        // The same account again takes the role over, and the older connection leaves its rooms: on another
        // worker a moment later.
        let mut newer = server.connect();
        assert_eq!(newer.wechat(&code_of("o1"), 7).unwrap().role_id, role_id);
        client.expect_close(4007, "replaced");
        eventually("the older one has left", || newer.join() == 1);
        // The same role on the same connection keeps its rooms, and another one does not.
        assert_eq!(newer.wechat(&code_of("o1"), 7).unwrap().role_id, role_id);
        eventually("both are in the room", || watch.join() == 2);
        assert_ne!(newer.wechat(&code_of("o2"), 7).unwrap().role_id, role_id);
        eventually("one has left", || watch.join() == 1);
        // A refused code changes nothing.
        assert_eq!(newer.wechat("errcode-40029", 7), Err(7));
        eventually("it is still logged in", || newer.join() == 2);
    }
}
