// @generated from arena.proto by proto/generate; changes here are lost.

/// A player's role, where it is, and how it got there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Role {
    #[prost(uint64, tag = "1")]
    pub role_id: u64,
    /// 0 is the lobby.
    #[prost(uint64, tag = "2")]
    pub room: u64,
    #[prost(sint32, tag = "3")]
    pub x: i32,
    #[prost(sint32, tag = "4")]
    pub y: i32,
    /// How many moves have brought it here since it came into the room.
    #[prost(uint64, tag = "5")]
    pub moves: u64,
}
/// All roles of a server, as they are kept on disk.
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct World {
    #[prost(message, repeated, tag = "1")]
    pub roles: ::prost::alloc::vec::Vec<Role>,
}

/// Commands and messages of the module `account`.
pub mod account {
    pub const LOGIN: u16 = 2001;
    /// Logs in with a token of the login service. The role is where it was before.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Login {
        #[prost(string, tag = "1")]
        pub account: ::prost::alloc::string::String,
        #[prost(uint64, tag = "2")]
        pub role_id: u64,
        /// Operators can kick.
        #[prost(bool, tag = "3")]
        pub is_operator: bool,
        #[prost(string, tag = "4")]
        pub token: ::prost::alloc::string::String,
    }
    #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct LoggedIn {
        #[prost(message, optional, tag = "1")]
        pub role: ::core::option::Option<super::Role>,
    }
    impl LoggedIn {
        /// The name of this message.
        pub const NAME: &'static str = "account.LoggedIn";
    }
    impl Login {
        /// The name of this message.
        pub const NAME: &'static str = "account.Login";
    }
}

/// Commands and messages of the module `room`.
pub mod room {
    pub const JOIN: u16 = 2201;
    pub const MOVE: u16 = 2202;
    pub const CHAT: u16 = 2203;
    pub const SAID: u16 = 2204;
    pub const KICK: u16 = 2205;
    pub const SNAPSHOT: u16 = 2206;
    pub const LIST: u16 = 2207;
    pub const NOTICE: u16 = 2208;
    #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct List {}
    /// How many clients are in each room, the lobby first.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Rooms {
        #[prost(uint32, repeated, tag = "1")]
        pub clients: ::prost::alloc::vec::Vec<u32>,
    }
    /// The server has something to say to all.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Notice {
        #[prost(string, tag = "1")]
        pub text: ::prost::alloc::string::String,
    }
    /// Enters a room, or the lobby, and leaves the room before.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Join {
        #[prost(uint64, tag = "1")]
        pub room: u64,
    }
    #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Joined {
        #[prost(message, optional, tag = "1")]
        pub role: ::core::option::Option<super::Role>,
    }
    /// One step. It has no answer: the next snapshot shows it.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Move {
        #[prost(sint32, tag = "1")]
        pub dx: i32,
        #[prost(sint32, tag = "2")]
        pub dy: i32,
    }
    /// Says a line to everybody in the room.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Chat {
        #[prost(string, tag = "1")]
        pub text: ::prost::alloc::string::String,
    }
    /// What somebody in the room has said; a watcher is role 0.
    #[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Said {
        #[prost(uint64, tag = "1")]
        pub role_id: u64,
        #[prost(string, tag = "2")]
        pub text: ::prost::alloc::string::String,
    }
    /// Closes the connection that plays a role, for operators. The role stays where it is.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
    pub struct Kick {
        #[prost(uint64, tag = "1")]
        pub role_id: u64,
    }
    /// Everybody in the room, 20 times a second.
    #[derive(Clone, PartialEq, ::prost::Message)]
    pub struct Snapshot {
        #[prost(uint64, tag = "1")]
        pub tick: u64,
        #[prost(uint64, tag = "2")]
        pub room: u64,
        #[prost(message, repeated, tag = "3")]
        pub roles: ::prost::alloc::vec::Vec<super::Role>,
    }
    impl Chat {
        /// The name of this message.
        pub const NAME: &'static str = "room.Chat";
    }
    impl Joined {
        /// The name of this message.
        pub const NAME: &'static str = "room.Joined";
    }
    impl Join {
        /// The name of this message.
        pub const NAME: &'static str = "room.Join";
    }
    impl Kick {
        /// The name of this message.
        pub const NAME: &'static str = "room.Kick";
    }
    impl Rooms {
        /// The name of this message.
        pub const NAME: &'static str = "room.Rooms";
    }
    impl List {
        /// The name of this message.
        pub const NAME: &'static str = "room.List";
    }
    impl Move {
        /// The name of this message.
        pub const NAME: &'static str = "room.Move";
    }
    impl Notice {
        /// The name of this message.
        pub const NAME: &'static str = "room.Notice";
    }
    impl Said {
        /// The name of this message.
        pub const NAME: &'static str = "room.Said";
    }
    impl Snapshot {
        /// The name of this message.
        pub const NAME: &'static str = "room.Snapshot";
    }
}
