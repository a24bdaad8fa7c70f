//! Counts the instructions of the work that the benchmarks time.
//!
//! Each function runs once, under callgrind. Making its arguments and dropping its result are not counted.
//! Work that takes only a few instructions is done [`TIMES`] times, so that a single instruction more or less
//! does not matter.

#[path = "../work/mod.rs"]
mod work;

use std::hint::black_box;
use std::io::Result;

use gungraun::{Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use sysconn::frame::{Decoder, Opcode, Rules, Utf8Validator, apply_mask, push_frame};
use sysconn::internals::Wheel;
use sysconn::packet::Request;
use sysconn::{Moment, Router};
use work::frames::{CLIENT, SERVER, bytes, decode, decode_in_pieces, fragmented, masked, unmasked};
use work::hostile::{Flood, Visit, Visited};
use work::path::Served;
use work::routes::{Nothing, ROUTER_OF_1, ROUTER_OF_100, ROUTER_OF_65536, commands, look_up};
use work::timers::{A_WEEK_MS, arm_all, armed, tick, unarmed};
use work::{frames, heads, packets, path};

const TIMES: usize = 100;
/// The longest payload.
const LONG: usize = 65_536;

/// A decoder that has its buffers, its input and rules, and the length of the messages.
struct Decoding {
    decoder: Decoder,
    wire: Vec<u8>,
    rules: Rules,
    len: usize,
}

fn decoding(wire: Vec<u8>, rules: Rules) -> Decoding {
    let mut decoder = Decoder::new();
    // A copy, since fragments can be decoded only once.
    let len = decode(&mut decoder, &mut wire.clone(), &rules);
    assert!(decoder.is_idle());
    Decoding { decoder, wire, rules, len }
}

impl Decoding {
    fn round(&mut self) {
        let Decoding { decoder, wire, rules, len } = self;
        assert_eq!(decode(decoder, black_box(wire), rules), *len);
    }
}

#[library_benchmark]
#[bench::bit7(decoding(unmasked(125), CLIENT))]
#[bench::bit16(decoding(unmasked(1500), CLIENT))]
#[bench::bit64(decoding(unmasked(65_536), CLIENT))]
#[bench::bit7_key(decoding(masked(1, 0), SERVER))]
fn header(mut decoding: Decoding) -> Decoding {
    (0..TIMES).for_each(|_| decoding.round());
    decoding
}

/// A buffer, the offset of the first payload in it, and the size of the payloads.
fn payloads(size: usize) -> (Vec<u8>, usize, usize) {
    let buffer = bytes(64 + 16 + size);
    let line = frames::cache_line(&buffer);
    (buffer, line, size)
}

#[library_benchmark]
#[bench::b5(payloads(5))]
#[bench::b41(payloads(41))]
#[bench::b64(payloads(64))]
#[bench::b125(payloads(125))]
#[bench::b1500(payloads(1500))]
#[bench::b65536(payloads(65_536))]
#[bench::b524288(payloads(frames::MAX_LEN))]
fn unmask((mut buffer, line, size): (Vec<u8>, usize, usize)) -> Vec<u8> {
    for offset in line..line + 16 {
        apply_mask(black_box(&mut buffer[offset..offset + size]), black_box(frames::KEY));
    }
    buffer
}

#[library_benchmark]
#[bench::b5(payloads(5))]
#[bench::b41(payloads(41))]
fn unmask_obviously((mut buffer, line, size): (Vec<u8>, usize, usize)) -> Vec<u8> {
    for offset in line..line + 16 {
        frames::unmask_obviously(black_box(&mut buffer[offset..offset + size]), black_box(frames::KEY));
    }
    buffer
}

#[library_benchmark]
#[bench::b5x256(decoding(masked(256, 5), SERVER))]
#[bench::b41x256(decoding(masked(256, 41), SERVER))]
#[bench::b1500x10(decoding(masked(10, 1500), SERVER))]
#[bench::b65536x1(decoding(masked(1, 65_536), SERVER))]
#[bench::fragments_of_64(decoding(fragmented(LONG, 64), SERVER))]
#[bench::fragments_of_1024(decoding(fragmented(LONG, 1024), SERVER))]
fn messages(mut decoding: Decoding) -> Decoding {
    decoding.round();
    decoding
}

/// A decoder that has its buffer from an earlier message, since how much of a growing buffer is moved depends
/// on the allocator.
fn grown(read: usize) -> Decoding {
    let mut decoding = decoding(masked(1, LONG), SERVER);
    decode_in_pieces(&mut decoding.decoder, &mut decoding.wire, read);
    decoding
}

#[library_benchmark]
#[bench::of_1460(grown(1460), 1460)]
#[bench::of_16384(grown(16_384), 16_384)]
fn reads(mut decoding: Decoding, read: usize) -> Decoding {
    let Decoding { decoder, wire, len, .. } = &mut decoding;
    assert_eq!(decode_in_pieces(decoder, black_box(wire), read), *len);
    decoding
}

fn payload_and_room(size: usize) -> (Vec<u8>, Vec<u8>) {
    (bytes(size), Vec::with_capacity(TIMES * (size + 32)))
}

#[library_benchmark]
#[bench::b5(payload_and_room(5))]
#[bench::b1500(payload_and_room(1500))]
#[bench::b65536(payload_and_room(65_536))]
fn encode((payload, mut out): (Vec<u8>, Vec<u8>)) -> (Vec<u8>, Vec<u8>) {
    for _ in 0..TIMES {
        push_frame(&mut out, Opcode::Binary, black_box(&payload));
    }
    (payload, out)
}

/// Long text of these characters: ASCII, or characters of at least two bytes.
fn text(characters: &str) -> Vec<u8> {
    characters.repeat(1000).into_bytes()
}

#[library_benchmark]
#[bench::ascii(text("0123456789"))]
#[bench::cyrillic(text("шифр"))]
fn utf8(text: Vec<u8>) -> Vec<u8> {
    let mut validator = Utf8Validator::default();
    assert!(text.chunks(61).all(|piece| validator.push(black_box(piece)).is_ok()));
    assert_eq!(validator.finish(), Ok(()));
    text
}

library_benchmark_group!(
    name = frame,
    benchmarks = [header, unmask, unmask_obviously, messages, reads, encode, utf8]
);

#[library_benchmark]
#[bench::b0(packets::message(&bytes(0)))]
#[bench::b32(packets::message(&bytes(32)))]
#[bench::b70000(packets::message(&bytes(70_000)))]
fn parse(message: Vec<u8>) -> Vec<u8> {
    for _ in 0..TIMES {
        assert!(Request::parse(black_box(&message)).is_ok());
    }
    message
}

#[library_benchmark]
#[bench::b0(payload_and_room(0))]
#[bench::b32(payload_and_room(32))]
#[bench::b1500(payload_and_room(1500))]
fn emit((data, mut out): (Vec<u8>, Vec<u8>)) -> (Vec<u8>, Vec<u8>) {
    for _ in 0..TIMES {
        packets::emit(&mut out, black_box(&packets::reply(&data)));
    }
    (data, out)
}

library_benchmark_group!(name = packet, benchmarks = [parse, emit]);

#[library_benchmark]
#[bench::of_1(&ROUTER_OF_1, commands(&ROUTER_OF_1))]
#[bench::of_100(&ROUTER_OF_100, commands(&ROUTER_OF_100))]
#[bench::of_65536(&ROUTER_OF_65536, commands(&ROUTER_OF_65536))]
fn find(router: &'static Router<Nothing>, cmds: Vec<u16>) -> Vec<u16> {
    assert_eq!(look_up(black_box(router), black_box(&cmds)), cmds.len());
    cmds
}

library_benchmark_group!(name = router, benchmarks = find);

fn pure_path() -> (Decoder, Vec<u8>, Vec<u8>) {
    (Decoder::new(), path::wire(), Vec::with_capacity(path::ANSWER_BYTES))
}

#[library_benchmark]
#[bench::b32x256(pure_path())]
fn pure((mut decoder, mut wire, mut out): (Decoder, Vec<u8>, Vec<u8>)) -> (Decoder, Vec<u8>, Vec<u8>) {
    assert_eq!(path::answer(&mut decoder, black_box(&mut wire), &mut out), path::ANSWER_BYTES);
    (decoder, wire, out)
}

/// A reactor after one round, so that its buffers have their final size.
fn served() -> Result<Served> {
    let mut served = Served::new()?;
    served.round()?;
    Ok(served)
}

#[library_benchmark]
#[bench::b32x256(served())]
fn reactor(mut served: Result<Served>) -> Result<Served> {
    let answered = served.as_mut().map(Served::round);
    assert!(matches!(answered, Ok(Ok(path::ANSWER_BYTES))));
    served
}

library_benchmark_group!(name = whole, benchmarks = [pure, reactor]);

/// A reactor after one round with such a client, so that its buffers have their final size.
fn stormed(flood: Flood) -> Result<Served> {
    let mut served = flood.served()?;
    served.round()?;
    Ok(served)
}

// As many bytes as the good packets of `whole/reactor`, in frames that cost the client almost nothing.
#[library_benchmark]
#[bench::empty_pings(stormed(Flood::pings(0)))]
#[bench::long_pings(stormed(Flood::pings(125)))]
#[bench::empty_pongs(stormed(Flood::pongs(0)))]
#[bench::long_pongs(stormed(Flood::pongs(125)))]
#[bench::empty_fragments(stormed(Flood::fragments(0)))]
#[bench::fragments_of_1(stormed(Flood::fragments(1)))]
#[bench::minimal_packets(stormed(Flood::minimal_packets()))]
#[bench::long_forms(stormed(Flood::long_forms()))]
fn bytes_of(mut served: Result<Served>) -> Result<Served> {
    assert!(served.as_mut().is_ok_and(|served| served.round().is_ok()));
    served
}

// The same number of segments, each of which takes a turn: of a packet, and of one byte.
#[library_benchmark]
#[bench::a_packet(stormed(Flood::packets_by_segment()))]
#[bench::a_byte_of_a_packet(stormed(Flood::packets_by_byte()))]
#[bench::a_byte_of_a_fragment(stormed(Flood::fragments_by_byte()))]
fn segments_of(mut served: Result<Served>) -> Result<Served> {
    assert!(served.as_mut().is_ok_and(|served| served.round().is_ok()));
    served
}

/// A reactor that has served such a client.
fn visited(visit: Visit) -> Result<Visited> {
    let mut visited = Visited::new(visit)?;
    visited.round()?;
    Ok(visited)
}

// A client from connecting to its end.
#[library_benchmark]
#[bench::a_good_one(visited(Visit::good()))]
#[bench::unknown_commands(visited(Visit::unknown_commands()))]
#[bench::a_violation(visited(Visit::violation()))]
#[bench::a_short_packet(visited(Visit::short_packet()))]
#[bench::packets_behind_a_violation(visited(Visit::packets_behind_a_violation()))]
#[bench::packets_behind_a_close(visited(Visit::packets_behind_a_close()))]
#[bench::no_request(visited(Visit::no_request()))]
#[bench::a_request_of_short_lines(visited(Visit::short_lines()))]
#[bench::half_a_request(visited(Visit::half()))]
fn visits_of(mut visited: Result<Visited>) -> Result<Visited> {
    assert!(visited.as_mut().is_ok_and(|visited| visited.round().is_ok()));
    visited
}

library_benchmark_group!(name = hostile, benchmarks = [bytes_of, segments_of, visits_of]);

#[library_benchmark]
#[bench::unarmed(unarmed())]
#[bench::anew(armed(0))]
fn arm(mut wheel: Wheel) -> (Moment, Wheel) {
    arm_all(&mut wheel, 7);
    (wheel.next_at(), wheel)
}

#[library_benchmark]
#[bench::due(armed(0))]
#[bench::nothing_due(armed(A_WEEK_MS))]
fn ticks(mut wheel: Wheel) -> (u64, Wheel) {
    let expired = (1..=1000).map(|now_ms| tick(&mut wheel, now_ms)).sum();
    (expired, wheel)
}

library_benchmark_group!(name = wheel, benchmarks = [arm, ticks]);

#[library_benchmark]
#[bench::small(heads::SMALL.to_owned())]
#[bench::browser(heads::BROWSER.to_owned())]
#[bench::lines_64(heads::long())]
fn scan(head: String) -> String {
    assert_eq!(heads::scan(black_box(head.as_bytes())), Ok(Some(head.len())));
    head
}

fn head_and_room(head: &str) -> (String, Vec<u8>) {
    (head.to_owned(), Vec::with_capacity(1024))
}

#[library_benchmark]
#[bench::small(head_and_room(heads::SMALL))]
#[bench::browser(head_and_room(heads::BROWSER))]
#[bench::lines_64(head_and_room(&heads::long()))]
fn answer((head, mut out): (String, Vec<u8>)) -> (String, Vec<u8>) {
    assert_eq!(heads::upgrade(black_box(head.as_bytes()), &mut out), Ok(Some(head.len())));
    (head, out)
}

library_benchmark_group!(name = upgrade, benchmarks = [scan, answer]);

// The C library must not choose its variants, above all of `memcpy`, by the processor: that is switched off.
main!(
    config = LibraryBenchmarkConfig::default()
        .tool(Callgrind::with_args(["--cache-sim=no"]))
        .env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM");
    library_benchmark_groups = frame, packet, router, whole, hostile, wheel, upgrade
);
