//! Whole connections under the real reactor, on a simulated network: clients, time, the system's calls and the
//! game's handlers do what the input says, and whatever that is, hostile.md's invariants hold and the accounts agree.
//!
//! Input: the configuration (2 bytes, see [`configuration`]), the network (2 bytes, see [`network`]), then what
//! happens, one step after the other (see [`Play::step`]).

#![no_main]

mod ending;
mod game;
mod play;
mod player;
mod script;

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sysconn::Config;
use sysconn::config::{DeflateMode, Liveness, Overflow};
use sysconn::sim::{Buffers, Fault, Faults, Network};

use game::INTENDED_PANIC;
use play::{OUTBOX_LIMIT, Play};

fuzz_target!(init: let_handlers_panic(), |data: &[u8]| {
    let Some((&[limits, timers, seed, faults], script)) = data.split_first_chunk() else { return };
    let measured = allocation_counter::measure(|| {
        let config = configuration(limits, timers);
        let mut play = Play::new(&config, &network(seed, faults));
        play.perform(script);
        if limits & 0x80 == 0 { play.end() } else { play.drain() }
    });
    let kept = measured.bytes_current;
    assert!(kept <= 0, "{kept} bytes are not given back");
});

/// A panic ends the fuzzer, but for those that the handlers are there to have.
fn let_handlers_panic() {
    let ends_the_fuzzer = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload().downcast_ref::<&str>() != Some(&INTENDED_PANIC) {
            ends_the_fuzzer(panic);
        }
    }));
}

/// Small limits and short timers, so that a short script comes to each of them.
///
/// `limits`, bits 0 and 1: compression on the wire. Bit 2: what does not fit an outbox is dropped. Bit 3: long replies
/// are compressed. Bit 4: less before a login. Bit 5: a limit of packets. Bit 6: two clients at most. Bit 7: see above.
/// `timers`: each bit turns one off.
fn configuration(limits: u8, timers: u8) -> Config {
    let is_set = |bit: u8| limits >> bit & 1 != 0;
    let timer = |bit: u8, ms: u64| Duration::from_millis(if timers >> bit & 1 == 0 { ms } else { 0 });
    Config {
        deflate: [DeflateMode::Off, DeflateMode::Shared, DeflateMode::Dedicated, DeflateMode::Off]
            [usize::from(limits & 3)],
        deflate_above: 8,
        overflow: if is_set(2) { Overflow::Drop } else { Overflow::Close },
        compress_above: if is_set(3) { 8 } else { 0 },
        max_len: 4096,
        max_len_before_login: if is_set(4) { 64 } else { 0 },
        max_packets_per_second: if is_set(5) { 4 } else { 0 },
        max_connections: if is_set(6) { 2 } else { 0 },
        outbox_limit: OUTBOX_LIMIT,
        handshake_timeout: timer(0, 500),
        read_timeout: timer(1, 1000),
        client_check: timer(2, 2000),
        account_check: timer(3, 4000),
        housekeeping: timer(4, 700),
        ping_interval: timer(5, 300),
        liveness: if timers & 0x40 == 0 { Liveness::Packets } else { Liveness::Frames },
        drain_timeout: Duration::from_secs(3),
        drain_rate: if timers & 0x80 == 0 { 0 } else { 1000 },
        ..Config::default()
    }
}

/// Bits 0 to 2 of `faults`: how often the system's calls fail without harm. Bits 3 to 5: how much the system keeps.
/// Bit 6: it now and then has no descriptor. The seed is of all that is left to chance.
fn network(seed: u8, faults: u8) -> Network {
    let network = Network::new(seed.into());
    let often = [0.0, 0.0, 0.01, 0.05, 0.2, 0.5, 0.05, 0.2][usize::from(faults & 7)];
    let mut kinds = Faults::harmless(often);
    if faults & 0x40 != 0 {
        for kind in [Fault::ProcessDescriptors, Fault::SystemDescriptors, Fault::NoBuffers, Fault::NoMemory] {
            kinds = kinds.with(kind, 0.2);
        }
    }
    network.set_faults(kinds);
    let bytes = [65536, 65536, 4096, 512, 100, 17, 3, 1][usize::from(faults >> 3 & 7)];
    network.set_buffers(Buffers {
        client_send: 65536,
        server_receive: bytes,
        server_send: bytes,
        client_receive: bytes,
    });
    network
}
