//! Counts the instructions of what clients ask for in few bytes or frames, of a library that compresses, as
//! the program does. What it is held against is in `tests/run.d/instructions.py`.

mod costs;
#[path = "../work/mod.rs"]
mod work;

use std::io::Result;

use costs::{Cost, Costly};
use gungraun::{Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};

/// A reactor whose buffers are as large as they will be.
fn paid(cost: Cost) -> Result<Costly> {
    let mut costly = Costly::new(cost)?;
    costly.round()?;
    Ok(costly)
}

fn round(mut costly: Result<Costly>) -> Result<Costly> {
    assert!(costly.as_mut().is_ok_and(|costly| costly.round().is_ok()));
    costly
}

// So many replies: each asked for, and many to a request.
#[library_benchmark]
#[bench::echoes(paid(Cost::echoes()))]
#[bench::bursts(paid(Cost::bursts()))]
fn replies_of(costly: Result<Costly>) -> Result<Costly> {
    round(costly)
}

// A write to each of as many clients as `segments_of/a_packet` writes replies, and long ones to a quarter of
// them.
#[library_benchmark]
#[bench::a_say(paid(Cost::say(32, 256)))]
#[bench::a_long_say(paid(Cost::say(100_000, 64)))]
fn writes_of(costly: Result<Costly>) -> Result<Costly> {
    round(costly)
}

// Work that a connection's share of a turn counts as 2048 frames, about: see `costs::FRAMES`.
#[library_benchmark]
#[bench::zlib_text(paid(Cost::zlib()))]
#[bench::deflate_text(paid(Cost::deflate()))]
#[bench::zlib_reply(paid(Cost::zlib_reply()))]
#[bench::deflate_reply(paid(Cost::deflate_reply()))]
fn frames_of(costly: Result<Costly>) -> Result<Costly> {
    round(costly)
}

// As many compressed bytes as the texts above have, of blocks that yield nothing.
#[library_benchmark]
#[bench::zlib(paid(Cost::empty_zlib()))]
#[bench::deflate(paid(Cost::empty_deflate()))]
fn blocks_of(costly: Result<Costly>) -> Result<Costly> {
    round(costly)
}

library_benchmark_group!(name = hostile, benchmarks = [replies_of, writes_of, frames_of, blocks_of]);

// As in `count.rs`.
main!(
    config = LibraryBenchmarkConfig::default()
        .tool(Callgrind::with_args(["--cache-sim=no"]))
        .env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM");
    library_benchmark_groups = hostile
);
