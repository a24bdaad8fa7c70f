//! The faults of a client that is wrong on purpose, and the cases that each must fail.

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// DataSize counts the header too.
    CountsTheHeader,
    /// Only the first 65535 bytes of Data are taken.
    CutsData,
    /// Commands have 8 bits.
    ShortCommands,
    /// Packets without a reply are not sent.
    SendsNoPosts,
    /// DataSize 65535 is taken for a length.
    KnowsNoEnd,
    /// DataSize is not looked at.
    IgnoresDataSize,
    /// A message without a header is taken for a reply without Data.
    TakesTruncated,
    /// Pings are not answered.
    SendsNoPongs,
    /// What one read returns is taken for one frame.
    FrameIsARead,
    /// Data is taken as it comes.
    IgnoresDataStatus,
    /// Empty Data is inflated.
    InflatesEmpty,
    /// A packet answers the oldest call of its command, whatever its Flag.
    IgnoresFlags,
    /// RSV1 is not looked at.
    IgnoresRsv1,
    /// Messages that are not compressed have RSV1.
    MarksPlain,
    /// The Flag behind the last one is 0.
    WrapsToZero,
    /// Calls wait for ever.
    NeverTimesOut,
    /// ErrorIDs are not looked at.
    IgnoresErrorIds,
    /// Calls do not end with the connection.
    KeepsCalls,
    /// Every end is one without a Close.
    KnowsNoCodes,
    /// The server's Close is not answered.
    SendsNoClose,
    /// Every end is one to come back from at once, and every refusal of a login too.
    AlwaysComesBack,
    /// It waits where it should come at once.
    NeverAtOnce,
    /// It comes at once where it should wait.
    NeverWaits,
    /// Each connection that opens counts as a good one.
    SettlesAtOnce,
    /// No connection ever counts as a good one.
    NeverSettles,
    /// `retry=SECONDS` is not looked at.
    IgnoresRetry,
    /// Calls go before the login.
    LogsInLast,
    /// A refused login is not tried again.
    LogsInOnce,
    /// Calls that were sent are sent again.
    SendsAgain,
    /// Calls without a connection are dropped.
    ForgetsCalls,
    /// Silence is not noticed.
    IgnoresSilence,
    /// The old connection stays open, and in use.
    KeepsConnections,
    /// An upgrade may take for ever.
    WaitsForUpgrades,
    /// Nothing is sent after a wake-up.
    SleepsOn,
    /// Heartbeats are not sent.
    SendsNoHeartbeats,
}

use Fault::*;

/// Each fault, with cases that it must fail: their names, or the beginnings of their names.
pub(crate) const FAULTS: &[(Fault, &[&str])] = &[
    (CountsTheHeader, &["packets/requests"]),
    (CutsData, &["packets/replies"]),
    (ShortCommands, &["packets/commands"]),
    (SendsNoPosts, &["packets/posts"]),
    (KnowsNoEnd, &["packets/to-the-end"]),
    (IgnoresDataSize, &["packets/mismatch"]),
    (TakesTruncated, &["packets/truncated"]),
    (SendsNoPongs, &["packets/fragments"]),
    (FrameIsARead, &["packets/bytewise", "packets/together"]),
    (IgnoresDataStatus, &["packets/zlib", "packets/zlib-corrupt", "packets/unknown-status"]),
    (InflatesEmpty, &["packets/zlib-empty"]),
    (
        IgnoresFlags,
        &[
            "flags/crossed",
            "flags/push-between",
            "flags/late",
            "flags/doubled",
            "flags/unknown",
            "flags/stream",
            "flags/stream-stopped",
        ],
    ),
    (IgnoresRsv1, &["packets/deflate", "packets/deflate-fragments"]),
    (MarksPlain, &["packets/deflate", "packets/deflate-fragments"]),
    (WrapsToZero, &["flags/wrap"]),
    (NeverTimesOut, &["flags/timeout"]),
    (IgnoresErrorIds, &["refusals/"]),
    (KeepsCalls, &["ends/no-close", "ends/violation", "ends/own-close", "ends/all-calls"]),
    (KnowsNoCodes, &["ends/no-code", "ends/code-"]),
    (SendsNoClose, &["ends/code-1000", "ends/code-4007"]),
    (AlwaysComesBack, &["reconnect/login-never", "never"]),
    (NeverAtOnce, &["now"]),
    (NeverWaits, &["reconnect/backoff", "later"]),
    (SettlesAtOnce, &["reconnect/now-once"]),
    (NeverSettles, &["reconnect/settled"]),
    (IgnoresRetry, &["reconnect/retry"]),
    (LogsInLast, &["reconnect/login-first"]),
    (LogsInOnce, &["reconnect/login-later"]),
    (SendsAgain, &["reconnect/not-twice"]),
    (ForgetsCalls, &["reconnect/offline"]),
    (IgnoresSilence, &["reconnect/silence"]),
    (KeepsConnections, &["reconnect/silence"]),
    (WaitsForUpgrades, &["reconnect/half-open"]),
    (SleepsOn, &["reconnect/wake"]),
    (SendsNoHeartbeats, &["reconnect/heartbeat"]),
];
