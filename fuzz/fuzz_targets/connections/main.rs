//! Whole connections under the real reactor, on a simulated network: clients, time, system calls and the
//! game's handlers do what the input says. The invariants always hold, and the accounts of all sides agree.
//!
//! Input: the configuration (2 bytes, see [`configuration`]), the network (2 bytes, see [`network`]), then
//! the steps (see [`Run::step`]).

#![no_main]

mod client;
mod game;
mod run;
mod run_end;
mod script;

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sysconn::Config;
use sysconn::config::{DeflateMode, Liveness, Overflow};
use sysconn::sim::{Buffers, Fault, Faults, Network};

use game::INTENDED_PANIC;
use run::{OUTBOX_LIMIT, Run};

fuzz_target!(init: let_handlers_panic(), |data: &[u8]| {
    let Some((&[limits, timers, seed, faults], script)) = data.split_first_chunk() else { return };
    let measured = allocation_counter::measure(|| {
        let config = configuration(limits, timers);
        let mut run = Run::new(&config, &network(seed, faults));
        run.perform(script);
        if limits & 0x80 == 0 { run.end() } else { run.drain() }
    });
    let kept = measured.bytes_current;
    assert!(kept <= 0, "{kept} bytes are not freed");
});

/// Lets panics end the fuzzer, except the intended ones of handlers.
fn let_handlers_panic() {
    let ends_the_fuzzer = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload().downcast_ref::<&str>() != Some(&INTENDED_PANIC) {
            ends_the_fuzzer(panic);
        }
    }));
}

/// Small limits and short timers, so that a short script reaches each of them.
///
/// `limits`, bits 0 and 1: permessage-deflate. Bit 2: a full outbox drops. Bit 3: long replies are
/// compressed. Bit 4: a lower limit before the login. Bit 5: a limit on packets per second. Bit 6: at most
/// two clients. Bit 7: the run ends with a drain. `timers`: each bit turns one off.
fn configuration(limits: u8, timers: u8) -> Config {
    let is_set = |bit: u8| limits >> bit & 1 != 0;
    let timer = |bit: u8, ms: u64| (timers >> bit & 1 == 0).then(|| Duration::from_millis(ms));
    let mut config = Config::default();
    config.limits.max_len = 4096;
    config.limits.max_len_before_login = is_set(4).then_some(64);
    config.limits.max_packets_per_second = is_set(5).then_some(4);
    config.limits.max_connections = is_set(6).then_some(2);
    config.output.deflate = match limits & 3 {
        1 => DeflateMode::Shared,
        2 => DeflateMode::Dedicated,
        _ => DeflateMode::Off,
    };
    config.output.deflate_above = 8;
    config.output.overflow = if is_set(2) { Overflow::Drop } else { Overflow::Close };
    config.output.compress_above = is_set(3).then_some(8);
    config.output.outbox_limit = Some(OUTBOX_LIMIT);
    config.timers.handshake = timer(0, 500);
    config.timers.read = timer(1, 1000);
    config.timers.client_check = timer(2, 2000);
    config.timers.account_check = timer(3, 4000);
    config.timers.housekeeping = timer(4, 700);
    config.timers.ping_interval = timer(5, 300);
    config.timers.liveness = if timers & 0x40 == 0 { Liveness::Packets } else { Liveness::Frames };
    config.drain.timeout = Some(Duration::from_secs(3));
    config.drain.rate = (timers & 0x80 != 0).then_some(1000);
    config
}

/// Bits 0 to 2 of `faults`: how often harmless faults happen. Bits 3 to 5: the size of the system's buffers.
/// Bit 6: the system sometimes has no descriptor. All random choices follow from the seed.
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
