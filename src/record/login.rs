//! Logins, and the compact form in which a record keeps them: most clients are logged in.

/// What a client is to the server: what it may do follows from its kind and from whether it is logged in.
///
/// Logs, metrics and the protocol have [names](Self::label) of their own for kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClientKind {
    /// Of whom no more is known: every connection before its login.
    ///
    /// It may call routes for [anyone](crate::Access::Anyone), and once it is logged in those for a
    /// [role](crate::Access::Role).
    #[default]
    Guest,
    /// A player's client.
    ///
    /// The library lets it do what a guest may; an application can tell the two apart by
    /// [`Record::kind`](crate::Record::kind).
    Player,
    /// An operator's tool.
    ///
    /// Once it is logged in, it may also call the routes for [operators](crate::Access::Operator).
    Operator,
}

impl ClientKind {
    /// The labels of all kinds, in their order.
    pub(crate) const LABELS: [&str; 3] = ["tester", "game-server", "monitor"];

    /// The name of the kind in logs and metrics: `tester` of a guest, `game-server` of a player, `monitor` of
    /// an operator. The messages and tokens of the protocol have the same in their spelling, `GAME_SERVER`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        let [tester, game_server, monitor] = Self::LABELS;
        match self {
            ClientKind::Guest => tester,
            ClientKind::Player => game_server,
            ClientKind::Operator => monitor,
        }
    }
}

/// Who a logged-in connection is. A record lends it with names of type `&str`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity<Name = String> {
    /// The account's name.
    pub account: Name,
    /// The platform that the account comes from.
    pub platform: Name,
    /// The game zone.
    pub zone_id: u32,
    /// The role that is played; never 0.
    pub role_id: u64,
}

/// Who acts on behalf of a role: support staff, or the owner of a hosted account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Custodian {
    /// The custodian's account.
    pub account: String,
    /// The custodian's role.
    pub role_id: u64,
}

/// The content of a login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// Who the client is.
    pub identity: Identity,
    /// What kind of client it is.
    pub kind: ClientKind,
    /// The custodian that acts on behalf of the client, if there is one.
    pub custodian: Option<Custodian>,
    /// If the login replaces another connection, whether it takes over the topics of that connection, up to
    /// 256 with its own. Off by default.
    ///
    /// What is published before the login goes to the older connection, what is published after it to the
    /// newer one, and nothing to both. If the older connection is on another worker, the topics come with a
    /// mail from there: what is published between the login and that mail reaches the older connection or
    /// neither.
    pub take_topics: bool,
}

/// A login in compact form, without the kind of client.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    role_id: u64,
    /// Account, then platform.
    names: Box<str>,
    custodian: Option<Box<Custodian>>,
    account_len: u32,
    zone_id: u32,
}

// 48 bytes with the allocator's overhead.
const _: () = assert!(size_of::<Kept>() <= 40);

impl Kept {
    pub(super) fn new(identity: Identity, custodian: Option<Custodian>) -> Self {
        let Identity { account, platform, zone_id, role_id } = identity;
        // No name is longer: it came in a message.
        let account_len = u32::try_from(account.len()).unwrap_or(u32::MAX);
        let names = [account, platform].concat().into_boxed_str();
        Kept { role_id, names, custodian: custodian.map(Box::new), account_len, zone_id }
    }

    pub(super) fn role_id(&self) -> u64 {
        self.role_id
    }

    pub(super) fn identity(&self) -> Identity<&str> {
        let (account, platform) =
            self.names.split_at_checked(self.account_len as usize).unwrap_or((&self.names, ""));
        Identity { account, platform, zone_id: self.zone_id, role_id: self.role_id }
    }

    pub(super) fn custodian(&self) -> Option<&Custodian> {
        self.custodian.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_kept_as_it_was() {
        let custodian = Custodian { account: "owner".into(), role_id: 3 };
        for (account, platform, custodian) in [
            ("account", "platform", None),
            ("", "", None),
            ("名字", "", Some(custodian.clone())),
            ("", "名字", None),
        ] {
            let identity = Identity {
                account: account.to_owned(),
                platform: platform.to_owned(),
                zone_id: 7,
                role_id: 9,
            };
            let kept = Kept::new(identity, custodian.clone());
            assert_eq!(kept.identity(), Identity { account, platform, zone_id: 7, role_id: 9 });
            assert_eq!((kept.role_id(), kept.custodian()), (9, custodian.as_ref()));
        }
    }
}
