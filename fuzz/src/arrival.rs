//! The pieces in which a stream of bytes arrives. The result of decoding must not depend on them.

/// The longest stream that is cut at every place.
const MAX_BYTES_CUT_EVERYWHERE: usize = 32;
/// The first choice that cuts at one place: see [`arrivals`].
const FIRST_CUT: u8 = 17;

/// A first piece, then pieces of one length.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    first: usize,
    then: usize,
}

impl Arrival {
    /// All at once.
    pub const WHOLE: Arrival = Arrival::cut_at(usize::MAX);

    const fn cut_at(place: usize) -> Self {
        Arrival { first: place, then: usize::MAX }
    }

    /// The pieces of `bytes`. The first may be empty.
    pub fn pieces(self, bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        let (first, rest) = bytes.split_at(self.first.min(bytes.len()));
        std::iter::once(first).chain(rest.chunks(self.then))
    }
}

/// The arrivals that one byte of an input chooses for a stream of `len` bytes: in pieces of 1 to 16 bytes (0
/// to 15), in two pieces for each place if the stream is short (16), or in two pieces at one place (17 to
/// 255).
pub fn arrivals(choice: u8, len: usize) -> impl Iterator<Item = Arrival> {
    let places = usize::from(u8::MAX - FIRST_CUT);
    let pieces = (choice < 16).then_some(usize::from(choice) + 1);
    let everywhere = choice == 16 && len <= MAX_BYTES_CUT_EVERYWHERE;
    // Also used for 16 if the stream is too long to be cut everywhere.
    let place = usize::from(choice.saturating_sub(FIRST_CUT)) * len.div_ceil(places);
    let cuts = if everywhere { 0..=len } else { place..=place };
    let in_two = cuts.filter(move |_| pieces.is_none()).map(Arrival::cut_at);
    pieces.map(|each| Arrival { first: each, then: each }).into_iter().chain(in_two)
}
