//! Counts of the program itself since it began, beside those of the library, for `/metrics`.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tally {
    /// Login codes that WeChat took.
    WechatAccepted,
    /// Login codes that WeChat refused.
    WechatRefused,
    /// Login codes that WeChat could not be asked about, or gave no answer to.
    WechatFailed,
    /// Login codes that were not sent to WeChat, since there were too many.
    WechatTurnedAway,
    /// Requests to the store without a result.
    StoreError,
    /// Log lines that standard error did not take.
    LinesUnwritten,
    /// Log lines about WeChat that were left out.
    LinesOfWechat,
    /// Log lines about new entries of the black list that were left out.
    LinesOfBlacklist,
    /// Log lines about requests to the admin server that were left out.
    LinesOfAdmin,
    /// Log lines about stalls that were left out.
    LinesOfStalls,
    /// Requests to the admin server with a wrong token.
    WrongToken,
}

/// As many as there are variants.
const COUNT: usize = Tally::WrongToken as usize + 1;

static COUNTS: [AtomicU64; COUNT] = [const { AtomicU64::new(0) }; COUNT];
/// When the certificate ends, in seconds since 1970; 0 for none.
static CERTIFICATE_ENDS: AtomicI64 = AtomicI64::new(0);

impl Tally {
    /// Counts one more.
    pub(crate) fn count(self) {
        self.add(1);
    }

    /// Counts some more.
    pub(crate) fn add(self, more: u64) {
        if let Some(count) = COUNTS.get(self as usize) {
            count.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// How many there are.
    pub(crate) fn get(self) -> u64 {
        COUNTS.get(self as usize).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

/// Notes when the certificate ends that is in use now.
pub(crate) fn certificate_ends(unix_seconds: i64) {
    CERTIFICATE_ENDS.store(unix_seconds, Ordering::Relaxed);
}

/// When the certificate ends that is in use now, in seconds since 1970.
pub(crate) fn certificate_end() -> Option<i64> {
    Some(CERTIFICATE_ENDS.load(Ordering::Relaxed)).filter(|seconds| *seconds != 0)
}
