//! Counts the instructions of expensive work that clients request with few bytes or frames. The library is
//! built with compression, as in the program. The limits are in `tests/run.d/instructions.py`.

mod costs;
#[path = "../work/mod.rs"]
mod work;

use std::io::Result;

use costs::{Cost, Costly};
use gungraun::{Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};

/// A reactor after one round, so that its buffers have their final size.
fn paid(cost: Cost) -> Result<Costly> {
    let mut costly = Costly::new(cost)?;
    costly.round()?;
    Ok(costly)
}

fn round(mut costly: Result<Costly>) -> Result<Costly> {
    assert!(costly.as_mut().is_ok_and(|costly| costly.round().is_ok()));
    costly
}

// The same number of replies: one to each request, and many to each.
#[library_benchmark]
#[bench::echoes(paid(Cost::echoes()))]
#[bench::bursts(paid(Cost::bursts()))]
fn replies_of(costly: Result<Costly>) -> Result<Costly> {
    round(costly)
}

// A short write to each of as many clients as `segments_of/a_packet` writes replies, and long writes to a
// quarter of that.
#[library_benchmark]
#[bench::a_say(paid(Cost::say(32, 256)))]
#[bench::a_long_say(paid(Cost::say(100_000, 64)))]
fn writes_of(costly: Result<Costly>) -> Result<Costly> {
    round(costly)
}

// Work that counts as about 2048 frames against a connection's share of a turn: see `costs::FRAMES`.
#[library_benchmark]
#[bench::zlib_text(paid(Cost::zlib()))]
#[bench::deflate_text(paid(Cost::deflate()))]
#[bench::zlib_reply(paid(Cost::zlib_reply()))]
#[bench::deflate_reply(paid(Cost::deflate_reply()))]
fn frames_of(costly: Result<Costly>) -> Result<Costly> {
    round(costly)
}

// As many compressed bytes as the texts above, in blocks without output.
#[library_benchmark]
#[bench::zlib(paid(Cost::empty_zlib()))]
#[bench::deflate(paid(Cost::empty_deflate()))]
fn blocks_of(costly: Result<Costly>) -> Result<Costly> {
    round(costly)
}

library_benchmark_group!(name = hostile, benchmarks = [replies_of, writes_of, frames_of, blocks_of]);

// The settings are those of `count.rs`.
main!(
    config = LibraryBenchmarkConfig::default()
        .tool(Callgrind::with_args(["--cache-sim=no"]))
        .env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM");
    library_benchmark_groups = hostile
);
