// @generated from sysconn.proto by proto/generate; changes here are lost.

/// One connection.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Connection {
    /// Each server of a cluster has ids of its own.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// IP address and port, or `unix`.
    #[prost(string, tag = "2")]
    pub peer: ::prost::alloc::string::String,
    #[prost(enumeration = "Kind", tag = "3")]
    pub kind: i32,
    #[prost(string, tag = "4")]
    pub account: ::prost::alloc::string::String,
    #[prost(string, tag = "5")]
    pub platform: ::prost::alloc::string::String,
    #[prost(uint32, tag = "6")]
    pub zone_id: u32,
    /// 0: not logged in.
    #[prost(uint64, tag = "7")]
    pub role_id: u64,
    /// The account that acts on behalf of this one; empty and 0 if there is none.
    #[prost(string, tag = "8")]
    pub custodian: ::prost::alloc::string::String,
    #[prost(uint64, tag = "9")]
    pub custodian_role_id: u64,
    /// Milliseconds since 1970, UTC.
    #[prost(uint64, tag = "10")]
    pub connected_ms: u64,
    /// Packets received.
    #[prost(uint64, tag = "11")]
    pub recv_count: u64,
    /// Packets sent.
    #[prost(uint64, tag = "12")]
    pub send_count: u64,
    /// Packets that did not fit the outbox.
    #[prost(uint64, tag = "13")]
    pub error_send: u64,
    #[prost(uint32, tag = "14")]
    pub bad_req_count: u32,
    /// Rounds of housekeeping.
    #[prost(uint64, tag = "15")]
    pub loop_counter: u64,
    /// Bytes that wait for the client to read.
    #[prost(uint64, tag = "16")]
    pub outbox_bytes: u64,
    /// Whether each packet is logged.
    #[prost(bool, tag = "17")]
    pub debug: bool,
    /// The server of the cluster that it is connected to; empty: it is in no cluster.
    #[prost(string, tag = "18")]
    pub node: ::prost::alloc::string::String,
}
/// One entry of the black list: an account or an address.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Entry {
    #[prost(string, tag = "1")]
    pub account: ::prost::alloc::string::String,
    #[prost(string, tag = "2")]
    pub address: ::prost::alloc::string::String,
    /// When it ends: milliseconds since 1970, UTC.
    #[prost(uint64, tag = "3")]
    pub until_ms: u64,
}
/// What kind of client it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum Kind {
    /// Nothing better is known.
    Tester = 0,
    /// A game client.
    GameServer = 1,
    /// An operator's tool, which may call module 90.
    Monitor = 2,
}
impl Kind {
    /// String value of the enum field names used in the ProtoBuf definition.
    ///
    /// The values are not transformed in any way and thus are considered stable
    /// (if the ProtoBuf definition does not change) and safe for programmatic use.
    pub fn as_str_name(&self) -> &'static str {
        match self {
            Self::Tester => "TESTER",
            Self::GameServer => "GAME_SERVER",
            Self::Monitor => "MONITOR",
        }
    }
    /// Creates an enum from field names used in the ProtoBuf definition.
    pub fn from_str_name(value: &str) -> ::core::option::Option<Self> {
        match value {
            "TESTER" => Some(Self::Tester),
            "GAME_SERVER" => Some(Self::GameServer),
            "MONITOR" => Some(Self::Monitor),
            _ => None,
        }
    }
}

/// Commands and messages of the module `account`.
pub mod account {
    pub const WECHAT_LOGIN: u16 = 1001;
    pub const LOGIN: u16 = 1002;
    pub const LOGOUT: u16 = 1003;
    pub const SERVER_TIME: u16 = 1044;
    /// account.wechat_login: log in with a WeChat login code.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct WechatLogin {
        /// What wx.login has given; good for one use. 1 to 512 bytes.
        #[prost(string, tag = "1")]
        pub code: ::prost::alloc::string::String,
        /// At most 255 bytes of UTF-8.
        #[prost(string, tag = "2")]
        pub platform: ::prost::alloc::string::String,
        #[prost(uint32, tag = "3")]
        pub zone_id: u32,
    }
    /// The login was accepted.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct WechatLoggedIn {
        /// The role of this account on this platform in this zone, the same each time.
        #[prost(uint64, tag = "1")]
        pub role_id: u64,
        /// The openid.
        #[prost(string, tag = "2")]
        pub account: ::prost::alloc::string::String,
        /// Milliseconds since 1970, UTC.
        #[prost(uint64, tag = "3")]
        pub server_time_ms: u64,
    }
    /// account.login: log in. Each name takes at most 255 bytes of UTF-8.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Login {
        /// Not empty.
        #[prost(string, tag = "1")]
        pub account: ::prost::alloc::string::String,
        #[prost(string, tag = "2")]
        pub platform: ::prost::alloc::string::String,
        #[prost(uint32, tag = "3")]
        pub zone_id: u32,
        /// Not 0.
        #[prost(uint64, tag = "4")]
        pub role_id: u64,
        #[prost(enumeration = "super::Kind", tag = "5")]
        pub kind: i32,
        /// The account that acts on behalf of this one; empty and 0 if there is none.
        #[prost(string, tag = "6")]
        pub custodian: ::prost::alloc::string::String,
        #[prost(uint64, tag = "7")]
        pub custodian_role_id: u64,
        /// Signed for all that is above (docs/tokens.md). Looked at where the gateway has keys, and only there.
        #[prost(string, tag = "8")]
        pub token: ::prost::alloc::string::String,
    }
    /// The login was accepted.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct LoggedIn {
        #[prost(uint64, tag = "1")]
        pub role_id: u64,
        #[prost(string, tag = "2")]
        pub account: ::prost::alloc::string::String,
        /// Milliseconds since 1970, UTC.
        #[prost(uint64, tag = "3")]
        pub server_time_ms: u64,
    }
    /// account.server_time: the heartbeat.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct ServerTime {
        /// Milliseconds since 1970, UTC.
        #[prost(uint64, tag = "1")]
        pub server_time_ms: u64,
    }
    impl WechatLoggedIn {
        /// The name of this message.
        pub const NAME: &'static str = "account.WechatLoggedIn";
    }
    impl WechatLogin {
        /// The name of this message.
        pub const NAME: &'static str = "account.WechatLogin";
    }
    impl LoggedIn {
        /// The name of this message.
        pub const NAME: &'static str = "account.LoggedIn";
    }
    impl Login {
        /// The name of this message.
        pub const NAME: &'static str = "account.Login";
    }
    impl ServerTime {
        /// The name of this message.
        pub const NAME: &'static str = "account.ServerTime";
    }
}

/// Commands and messages of the module `echo`.
pub mod echo {
    pub const ECHO: u16 = 1101;
    pub const SINK: u16 = 1102;
    pub const REFUSE: u16 = 1103;
    pub const BURST: u16 = 1104;
    pub const DEFERRED: u16 = 1105;
    pub const PANIC: u16 = 1106;
    pub const BLOCK: u16 = 1107;
}

/// Commands and messages of the module `monitor`.
pub mod monitor {
    pub const STATS: u16 = 9001;
    pub const CONNECTIONS: u16 = 9002;
    pub const KICK: u16 = 9003;
    pub const DEBUG: u16 = 9004;
    pub const BLACKLIST: u16 = 9005;
    /// monitor.stats: what the server has done since it began.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Stats {
        /// Connections now.
        #[prost(uint64, tag = "1")]
        pub connections: u64,
        #[prost(uint64, tag = "2")]
        pub accepted: u64,
        #[prost(uint64, tag = "3")]
        pub closed: u64,
        #[prost(uint64, tag = "4")]
        pub packets_received: u64,
        #[prost(uint64, tag = "5")]
        pub packets_sent: u64,
        /// Packets that did not fit an outbox.
        #[prost(uint64, tag = "6")]
        pub send_errors: u64,
        #[prost(uint64, tag = "7")]
        pub bad_requests: u64,
        #[prost(uint64, tag = "8")]
        pub uptime_ms: u64,
        /// The server of the cluster that was asked for and has not answered. All else is 0 then.
        #[prost(string, repeated, tag = "9")]
        pub missing_nodes: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    }
    /// Whose figures: those of the server that is asked, or of another one of its cluster. One that is not known
    /// gets ErrorID 4.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct StatsOf {
        /// Empty: the server that is asked.
        #[prost(string, tag = "1")]
        pub node: ::prost::alloc::string::String,
    }
    /// monitor.connections: one page of the list of connections.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Connections {
        /// Connections to pass over.
        #[prost(uint32, tag = "1")]
        pub offset: u32,
        /// Connections wanted, at most 1000; 0: 100.
        #[prost(uint32, tag = "2")]
        pub limit: u32,
        /// Those of all servers of the cluster, by the names of these.
        #[prost(bool, tag = "3")]
        pub all_nodes: bool,
    }
    /// One page. It can be shorter than the limit, so the next one begins at the offset plus the number
    /// of connections in this one; `total` tells when the end is reached.
    #[derive(Clone, PartialEq, ::prost::Message)]
    pub struct ConnectionPage {
        /// Connections now.
        #[prost(uint64, tag = "1")]
        pub total: u64,
        #[prost(message, repeated, tag = "2")]
        pub connection: ::prost::alloc::vec::Vec<super::Connection>,
        /// Servers of the cluster that have not answered, so that their connections are missing.
        #[prost(string, repeated, tag = "3")]
        pub missing_nodes: ::prost::alloc::vec::Vec<::prost::alloc::string::String>,
    }
    /// monitor.kick: close a connection with 4010.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Kick {
        #[prost(uint64, tag = "1")]
        pub id: u64,
        /// The server of the cluster that the connection is on; empty: the one that is asked.
        #[prost(string, tag = "2")]
        pub node: ::prost::alloc::string::String,
    }
    /// monitor.debug: switch the log of each packet of a connection.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Debug {
        #[prost(uint64, tag = "1")]
        pub id: u64,
        #[prost(bool, tag = "2")]
        pub on: bool,
        /// As in m_9003_tos.
        #[prost(string, tag = "3")]
        pub node: ::prost::alloc::string::String,
    }
    /// monitor.blacklist: the accounts that may not log in, and the addresses that may not connect.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Blacklist {
        /// 0 list, 1 add, 2 remove, 3 clear.
        #[prost(uint32, tag = "1")]
        pub action: u32,
        /// To add or remove: at least one of these two. An IPv6 address stands for its network, usually a /64.
        #[prost(string, tag = "2")]
        pub account: ::prost::alloc::string::String,
        #[prost(string, tag = "3")]
        pub address: ::prost::alloc::string::String,
        /// To add: for how long; 0: as long as an offence would (blacklist-time), or 1 h if that is 0.
        #[prost(uint32, tag = "4")]
        pub seconds: u32,
        /// To list: entries to pass over.
        #[prost(uint32, tag = "5")]
        pub offset: u32,
        /// To list: entries wanted, at most 1000; 0: 100.
        #[prost(uint32, tag = "6")]
        pub limit: u32,
    }
    /// What was asked for is done, and a page if that was a list. It can be shorter than the limit, so the next
    /// one begins at the offset plus the number of entries in this one; `total` tells when the end is reached.
    #[derive(Clone, PartialEq, ::prost::Message)]
    pub struct BlacklistPage {
        /// Entries now.
        #[prost(uint64, tag = "1")]
        pub total: u64,
        #[prost(message, repeated, tag = "2")]
        pub entry: ::prost::alloc::vec::Vec<super::Entry>,
    }
    impl Stats {
        /// The name of this message.
        pub const NAME: &'static str = "monitor.Stats";
    }
    impl StatsOf {
        /// The name of this message.
        pub const NAME: &'static str = "monitor.StatsOf";
    }
    impl ConnectionPage {
        /// The name of this message.
        pub const NAME: &'static str = "monitor.ConnectionPage";
    }
    impl Connections {
        /// The name of this message.
        pub const NAME: &'static str = "monitor.Connections";
    }
    impl Kick {
        /// The name of this message.
        pub const NAME: &'static str = "monitor.Kick";
    }
    impl Debug {
        /// The name of this message.
        pub const NAME: &'static str = "monitor.Debug";
    }
    impl BlacklistPage {
        /// The name of this message.
        pub const NAME: &'static str = "monitor.BlacklistPage";
    }
    impl Blacklist {
        /// The name of this message.
        pub const NAME: &'static str = "monitor.Blacklist";
    }
}

/// Commands and messages of the module `room`.
pub mod room {
    pub const JOIN: u16 = 1201;
    pub const LEAVE: u16 = 1202;
    pub const SAY: u16 = 1203;
    pub const SAID: u16 = 1210;
    /// room.join: enter a room, which comes into being with its first member.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Join {
        /// 1 to 64 bytes of UTF-8.
        #[prost(string, tag = "1")]
        pub room: ::prost::alloc::string::String,
    }
    /// The role is in the room.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Joined {
        /// Members on this machine, this one included.
        #[prost(uint32, tag = "1")]
        pub members: u32,
    }
    /// room.leave: leave a room.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Leave {
        #[prost(string, tag = "1")]
        pub room: ::prost::alloc::string::String,
    }
    /// The role is not in the room.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Left {
        /// Members that remain on this machine.
        #[prost(uint32, tag = "1")]
        pub members: u32,
    }
    /// room.say: say something to every member of a room, oneself included.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Say {
        #[prost(string, tag = "1")]
        pub room: ::prost::alloc::string::String,
        #[prost(string, tag = "2")]
        pub text: ::prost::alloc::string::String,
    }
    /// Pushed to every member of a room: somebody said something.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Said {
        #[prost(string, tag = "1")]
        pub room: ::prost::alloc::string::String,
        /// Who said it.
        #[prost(uint64, tag = "2")]
        pub role_id: u64,
        #[prost(string, tag = "3")]
        pub text: ::prost::alloc::string::String,
    }
    impl Joined {
        /// The name of this message.
        pub const NAME: &'static str = "room.Joined";
    }
    impl Join {
        /// The name of this message.
        pub const NAME: &'static str = "room.Join";
    }
    impl Left {
        /// The name of this message.
        pub const NAME: &'static str = "room.Left";
    }
    impl Leave {
        /// The name of this message.
        pub const NAME: &'static str = "room.Leave";
    }
    impl Say {
        /// The name of this message.
        pub const NAME: &'static str = "room.Say";
    }
    impl Said {
        /// The name of this message.
        pub const NAME: &'static str = "room.Said";
    }
}
