//! Each DataStatus decodes and encodes Data, within its limits.

use super::*;

/// Encrypts by adding one to each byte, and rejects Data that ends with a zero.
struct AddOne;

impl Cipher for AddOne {
    fn decrypt(&mut self, _: ConnectionId, data: &[u8], plain: &mut Vec<u8>) -> Result<(), Undecodable> {
        assert!(plain.is_empty());
        plain.extend(data.iter().map(|byte| byte.wrapping_sub(1)));
        if data.ends_with(&[0]) { Err(Undecodable::Cipher) } else { Ok(()) }
    }

    fn encrypt(&mut self, _: ConnectionId, plain: &[u8], data: &mut Vec<u8>) {
        assert!(data.is_empty());
        data.extend(plain.iter().map(|byte| byte.wrapping_add(1)));
    }
}

fn id() -> ConnectionId {
    ConnectionId::new(0, 1, 1)
}

fn decode(
    codecs: &mut Codecs,
    status: u8,
    data: &[u8],
    buffer: &mut Vec<u8>,
    max_len: usize,
) -> Result<Vec<u8>, Undecodable> {
    codecs.decode(id(), status, data, buffer, max_len).map(<[u8]>::to_vec)
}

#[test]
fn data_is_decoded_by_its_status() {
    let (mut plain, mut ciphered) = (Codecs::default(), Codecs::new(Some(Box::new(AddOne))));
    let cases = [
        (0, &b"raw"[..], 3, Ok(&b"raw"[..])),
        (3, b"above", 9, Err(Undecodable::UnknownStatus)),
        (255, b"above", 9, Err(Undecodable::UnknownStatus)),
        (255, b"", 9, Ok(b"")),
        (1, b"", 9, Ok(b"")),
        (2, b"", 9, Ok(b"")),
        (2, b"bcd", 3, Ok(b"abc")),
        (2, b"bcd", 2, Err(Undecodable::TooLong)),
        (2, b"bc\0", 9, Err(Undecodable::Cipher)),
    ];
    for (status, data, max_len, expected) in cases {
        let mut buffer = b"of the packet before".to_vec();
        let decoded = decode(&mut ciphered, status, data, &mut buffer, max_len);
        assert_eq!(decoded.as_deref(), expected.as_ref().copied(), "{status} {data:?} {max_len}");
    }
    assert_eq!(decode(&mut plain, 2, b"bcd", &mut vec![], 9), Err(Undecodable::Cipher));
}

#[test]
fn encrypted_data_replaces_the_contents_of_the_buffer() {
    let mut out = vec![7; 100_000];
    assert!(!Codecs::default().encrypt(id(), b"abc", &mut out));
    assert!(Codecs::new(Some(Box::new(AddOne))).encrypt(id(), b"abc", &mut out));
    assert_eq!(out, b"bcd");
    assert!(out.capacity() <= KEPT_BYTES, "what a large packet took is given back");
}

#[cfg(not(feature = "zlib"))]
#[test]
fn without_the_feature_nothing_is_compressed() {
    let mut codecs = Codecs::default();
    assert_eq!(decode(&mut codecs, 1, b"x", &mut vec![], 9), Err(Undecodable::NoZlib));
    assert!(!codecs.compress(&[0; 1000], &mut vec![]));
}

#[cfg(feature = "zlib")]
mod with_zlib {
    use std::io::Write;

    use super::*;

    fn compressed(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(vec![], flate2::Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    /// Bytes that no compressor can shorten.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[3]
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn a_zlib_stream_is_inflated_completely_or_refused() {
        let mut codecs = Codecs::default();
        let mut buffer = vec![];
        for len in [1, 2, 4095, 4096, 4097, 65_536, 300_000] {
            for plain in [vec![7; len], noise(len)] {
                let data = compressed(&plain);
                assert_eq!(decode(&mut codecs, 1, &data, &mut buffer, len).as_ref(), Ok(&plain), "{len}");
                let too_long = decode(&mut codecs, 1, &data, &mut buffer, len - 1);
                assert_eq!(too_long, Err(Undecodable::TooLong), "{len}");
            }
        }
        let whole = compressed(&noise(1000));
        let mut followed = whole.clone();
        followed.push(0);
        let mut damaged = whole.clone();
        *damaged.last_mut().unwrap() ^= 1;
        // CMF and FLG that ask for a preset dictionary, and its Adler-32 (RFC 1950 §2.2).
        let dictionary = [&[0x78, 0xbb, 0, 0, 0, 1], &whole[2..]].concat();
        for cut in [1, 2, 500, whole.len() - 4, whole.len() - 1] {
            let decoded = decode(&mut codecs, 1, &whole[..cut], &mut buffer, 5000);
            assert_eq!(decoded, Err(Undecodable::Zlib), "cut at {cut}");
        }
        for (what, data) in [("followed", followed), ("damaged", damaged), ("dictionary", dictionary)] {
            assert_eq!(decode(&mut codecs, 1, &data, &mut buffer, 5000), Err(Undecodable::Zlib), "{what}");
        }
        assert_eq!(decode(&mut codecs, 1, &whole, &mut buffer, 1000), Ok(noise(1000)), "and now in order");
    }

    #[test]
    fn a_zlib_bomb_takes_no_more_memory_than_the_limit_and_frees_it() {
        let mut codecs = Codecs::default();
        let mut buffer = vec![];
        let bomb = compressed(&vec![0; 10_000_000]);
        for max_len in [1000, 100_000, 524_288] {
            let decoded = decode(&mut codecs, 1, &bomb, &mut buffer, max_len);
            assert_eq!(decoded, Err(Undecodable::TooLong));
            assert!(buffer.capacity() <= max_len.max(KEPT_BYTES) + 1, "{}", buffer.capacity());
        }
        assert_eq!(decode(&mut codecs, 1, &compressed(b"small"), &mut buffer, 524_288), Ok(b"small".into()));
        assert!(buffer.capacity() <= KEPT_BYTES);
    }

    #[test]
    fn data_is_compressed_only_if_it_gets_shorter() {
        let mut codecs = Codecs::default();
        let mut out = vec![7; 1_000_000];
        for (plain, shorter) in [
            (vec![], false),
            (vec![7], false),
            (b"abcdefgh".to_vec(), false),
            (vec![7; 30], true),
            (vec![7; 200_000], true),
            (noise(10_000), false),
        ] {
            assert_eq!(codecs.compress(&plain, &mut out), shorter, "{} bytes", plain.len());
            assert!(out.capacity() <= KEPT_BYTES.max(plain.len()));
            if shorter {
                assert!(out.len() < plain.len());
                assert_eq!(decode(&mut codecs, 1, &out, &mut vec![], plain.len()), Ok(plain));
            }
        }
        // One byte less than the input is enough.
        let gains = |len| compressed_len(&mut codecs, &vec![7; len]);
        let results: Vec<_> = (1..40).map(gains).collect();
        let first = results.iter().position(Option::is_some).unwrap();
        assert!(results[first..].iter().all(Option::is_some), "{results:?}");
        assert_eq!(results[first], Some(first), "of {} bytes", first + 1);
    }

    fn compressed_len(codecs: &mut Codecs, plain: &[u8]) -> Option<usize> {
        // The capacity of the buffer makes no difference.
        let mut out = Vec::with_capacity(1000);
        codecs.compress(plain, &mut out).then_some(out.len())
    }
}
