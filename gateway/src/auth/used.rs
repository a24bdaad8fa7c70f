//! Tokens that were used, in the store: each works only once, where `login-replay` denies a second use.

use redb::{ReadableTable as _, ReadableTableMetadata as _, TableDefinition};
use ring::digest::{SHA256, digest};

use crate::store::{Fault, Transaction};

/// When each used token expires, in seconds since 1970, by the hash of what is signed.
const USED: TableDefinition<'_, &[u8; HASH_BYTES], u64> = TableDefinition::new("used_tokens");
/// The same, by the time.
const USED_BY_END: TableDefinition<'_, (u64, &[u8; HASH_BYTES]), ()> =
    TableDefinition::new("used_tokens_by_end");

/// The most used tokens that are remembered.
pub(crate) const MAX_USED_TOKENS: u64 = 100_000;
/// The most expired ones that a login forgets, so that no login takes long.
const MAX_EXPIRED: usize = 100;
/// The length of a SHA-256.
const HASH_BYTES: usize = 32;

/// A token that is good, as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UsedToken {
    hash: [u8; HASH_BYTES],
    /// The time from which on it is refused anyway, in seconds since 1970.
    ends: u64,
}

/// What the use of a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenUse {
    First,
    Again,
    /// Too many tokens are remembered for another one.
    Full,
}

#[cfg(feature = "cluster")]
impl TokenUse {
    /// The number of it in a cluster's messages.
    pub(crate) fn number(self) -> u32 {
        match self {
            TokenUse::First => 0,
            TokenUse::Again => 1,
            TokenUse::Full => 2,
        }
    }

    /// The use with a number.
    pub(crate) fn of(number: u32) -> Option<Self> {
        [TokenUse::First, TokenUse::Again, TokenUse::Full].into_iter().find(|of| of.number() == number)
    }
}

impl UsedToken {
    /// `signed` is the part of the token that no signature can be changed for.
    pub(super) fn new(signed: &str, ends: u64) -> Self {
        let mut hash = [0; HASH_BYTES];
        hash.copy_from_slice(digest(&SHA256, signed.as_bytes()).as_ref());
        UsedToken { hash, ends }
    }

    /// The hash of what is signed, and the end in seconds since 1970, for another server of the cluster.
    #[cfg(feature = "cluster")]
    pub(crate) fn parts(self) -> ([u8; HASH_BYTES], u64) {
        (self.hash, self.ends)
    }

    /// What [`parts`](Self::parts) has returned.
    #[cfg(feature = "cluster")]
    pub(crate) fn of_parts(hash: [u8; HASH_BYTES], ends: u64) -> Self {
        UsedToken { hash, ends }
    }

    /// Remembers the token until it expires, if at most `max` are. `now` is in seconds since 1970.
    pub(crate) fn remember(
        self,
        max: u64,
        now: u64,
        transaction: &mut Transaction<'_>,
    ) -> Result<TokenUse, Fault> {
        let known = transaction.read(USED)?.get(&self.hash)?.is_some();
        if known {
            return Ok(TokenUse::Again);
        }
        forget_expired(now, transaction)?;
        let mut used = transaction.write(USED)?;
        if used.len()? >= max {
            return Ok(TokenUse::Full);
        }
        used.insert(&self.hash, self.ends)?;
        transaction.write(USED_BY_END)?.insert((self.ends, &self.hash), ())?;
        Ok(TokenUse::First)
    }
}

/// Forgets some of the tokens that have expired.
fn forget_expired(now: u64, transaction: &mut Transaction<'_>) -> Result<(), Fault> {
    let mut expired = Vec::new();
    for row in transaction.read(USED_BY_END)?.range(..=(now, &[u8::MAX; HASH_BYTES]))?.take(MAX_EXPIRED) {
        let (key, ()) = row.map(|(key, value)| (key, value.value()))?;
        let (ends, hash) = key.value();
        expired.push((ends, *hash));
    }
    if expired.is_empty() {
        return Ok(());
    }
    let (mut used, mut by_end) = (transaction.write(USED)?, transaction.write(USED_BY_END)?);
    for (ends, hash) in expired {
        used.remove(&hash)?;
        by_end.remove((ends, &hash))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn a_token_is_used_once_and_forgotten_when_it_expires() {
        let store = Store::open(None).unwrap();
        for (signed, ends, now, expected) in [
            ("a", 100, 0, TokenUse::First),
            ("a", 100, 0, TokenUse::Again),
            ("b", 50, 0, TokenUse::First),
            ("c", 100, 0, TokenUse::First),
            ("d", 100, 0, TokenUse::Full),
            ("d", 100, 49, TokenUse::Full),
            ("a", 100, 49, TokenUse::Again),
            // `b` is refused from now on.
            ("d", u64::MAX, 50, TokenUse::First),
            ("a", 100, 50, TokenUse::Again),
            ("e", 200, 100, TokenUse::First),
            ("f", 200, 100, TokenUse::First),
            ("g", 200, 100, TokenUse::Full),
            ("d", u64::MAX, 100, TokenUse::Again),
        ] {
            let token = UsedToken::new(signed, ends);
            let used = store.call(move |transaction| token.remember(3, now, transaction));
            assert_eq!(used, Ok(expected), "{signed} at {now}");
        }
    }

    #[test]
    fn as_many_tokens_expire_as_come() {
        let store = Store::open(None).unwrap();
        let counts = store.call(|transaction| {
            for number in 0..1000_u64 {
                let token = UsedToken::new(&number.to_string(), number / 10);
                assert_eq!(token.remember(1000, 0, transaction)?, TokenUse::First);
            }
            assert_eq!(UsedToken::new("more", 2000).remember(1000, 60, transaction)?, TokenUse::First);
            for number in 0..10_u64 {
                UsedToken::new(&format!("later {number}"), 2000).remember(1000, 1000, transaction)?;
            }
            Ok((transaction.read(USED)?.len()?, transaction.read(USED_BY_END)?.len()?))
        });
        assert_eq!(counts, Ok((11, 11)));
    }
}
