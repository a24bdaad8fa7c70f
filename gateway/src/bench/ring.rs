//! Short requests and their replies, made once for a cycle of Flags: many are sent without a copy, and
//! checked by one comparison.

use super::prepared::Prepared;
use super::template::Template;

/// Requests of a cycle, at least. No buffers are as many, so that one which comes again shows.
const MIN_REQUESTS: usize = 97;
/// Bytes of all requests of a cycle, at most: so few that they stay in a processor's second cache.
const MAX_BYTES: usize = 64 * 1024;
/// What the frame of a short message has beside it, at most (RFC 6455 §5.2).
const MAX_HEADER_BYTES: usize = 8;

/// The frames of all Flags of a cycle, which begins at 1.
#[derive(Debug)]
pub(super) struct Ring {
    last_flag: u32,
    requests: Frames,
    replies: Frames,
}

impl Ring {
    /// `None` if requests are too long for that. `pipeline`: requests of a connection that are in flight.
    pub(super) fn new(template: &mut Template, prepared: &Prepared, pipeline: usize) -> Option<Self> {
        let count = pipeline.saturating_mul(2).saturating_add(1).max(MIN_REQUESTS);
        if (template.len() + MAX_HEADER_BYTES).saturating_mul(count) > MAX_BYTES {
            return None;
        }
        let last_flag = u32::try_from(count).ok()?;
        let (mut requests, mut replies) = (Vec::new(), Vec::new());
        for flag in 1..=last_flag {
            prepared.push(&mut requests, template.fill(flag, flag.into(), 0));
            replies.extend_from_slice(template.echo_of(flag));
        }
        let frames = |bytes: Vec<u8>| Frames { each: bytes.len() / count, bytes: bytes.repeat(2) };
        Some(Ring { last_flag, requests: frames(requests), replies: frames(replies) })
    }

    /// The Flag after which the next is 1.
    pub(super) fn last_flag(&self) -> u32 {
        self.last_flag
    }

    /// The frames of this many requests, the first of which has this Flag: a cycle at most.
    pub(super) fn requests(&self, flag: u32, count: usize) -> &[u8] {
        self.requests.at(flag, 0, count.saturating_mul(self.requests.each))
    }

    /// The bytes of a request's frame.
    pub(super) fn request_bytes(&self) -> usize {
        self.requests.each
    }

    /// The bytes of a reply's frame.
    pub(super) fn reply_bytes(&self) -> usize {
        self.replies.each
    }

    /// Whether these are the replies to the requests from this Flag on, from this byte of the first on.
    pub(super) fn are_replies(&self, input: &[u8], flag: u32, from: usize) -> bool {
        input == self.replies.at(flag, from, input.len())
    }
}

/// Frames of one length: a cycle of them, twice, so that any others in a row are one piece of memory.
#[derive(Debug)]
struct Frames {
    bytes: Vec<u8>,
    each: usize,
}

impl Frames {
    /// `len` bytes from this byte of the frame with this Flag on: a cycle at most.
    fn at(&self, flag: u32, from: usize, len: usize) -> &[u8] {
        let start = (flag as usize).saturating_sub(1).saturating_mul(self.each).saturating_add(from);
        self.bytes.get(start..start.saturating_add(len)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::template::PERIOD;

    #[test]
    fn requests_and_replies_are_those_that_are_made_one_by_one() {
        for mut template in
            [Template::echo(0, PERIOD), Template::echo(5, PERIOD), Template::pattern(1101, 32, PERIOD)]
        {
            let prepared = Prepared::new(&template, [1, 2, 3, 4]);
            let ring = Ring::new(&mut template, &prepared, 4).unwrap();
            let last = ring.last_flag();
            assert_eq!(last as usize, MIN_REQUESTS);
            for (flag, count) in [(1, 1), (7, 3), (last, 1), (last - 1, 4), (1, last), (5, last)] {
                let flags = (0..count).map(|at| (flag - 1 + at) % last + 1);
                let (mut requests, mut replies) = (Vec::new(), Vec::new());
                for flag in flags {
                    prepared.push(&mut requests, template.fill(flag, flag.into(), 0));
                    replies.extend_from_slice(template.echo_of(flag));
                }
                assert_eq!(ring.requests(flag, count as usize), requests, "{flag} {count}");
                assert_eq!(requests.len(), ring.request_bytes() * count as usize);
                let each = replies.len() / count as usize;
                for (from, end) in [(0, replies.len()), (each - 1, replies.len()), (1, each), (0, 1)] {
                    assert!(ring.are_replies(&replies[from..end], flag, from), "{flag} {count} {from} {end}");
                    for at in [from, (from + end) / 2, end.saturating_sub(1)] {
                        let mut other = replies.clone();
                        other[at] ^= 1;
                        let is_within = (from..end).contains(&at);
                        assert_eq!(
                            ring.are_replies(&other[from..end], flag, from),
                            !is_within,
                            "{flag} {at}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_cycle_is_longer_than_a_pipeline_and_short() {
        for (size, pipeline, expected) in [
            (32, 1, Some(97)),
            (32, 100, Some(201)),
            (32, 1000, None),
            (650, 16, Some(97)),
            (700, 16, None),
            (0, usize::MAX, None),
        ] {
            let mut template = Template::pattern(1101, size, PERIOD);
            let prepared = Prepared::new(&template, [1, 2, 3, 4]);
            let ring = Ring::new(&mut template, &prepared, pipeline);
            assert_eq!(ring.map(|ring| ring.last_flag()), expected, "{size} {pipeline}");
        }
    }
}
