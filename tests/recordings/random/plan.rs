//! The plan of a seed: the options of a server, and its network.

use std::path::PathBuf;
use std::time::Duration;

use sysconn::Config;
use sysconn::config::{DeflateMode, Listen, Liveness, Overflow, Recording};
use sysconn::sim::{Buffers, Fault, Faults, Random};

use super::DIGESTS;
use crate::common::with;
use crate::recorded::Directory;

const KIB: usize = 1024;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) packets: bool,
    pub(crate) faults: Faults,
    pub(crate) buffers: Buffers,
    /// Whether clients also send unordered requests, requests with deadlines, and logins by ticket.
    pub(crate) defers: bool,
    options: Config,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let random = &mut Random::new(seed ^ 0x5eed);
        Plan {
            // The servers whose digests are compared do not.
            defers: seed >= DIGESTS.len() as u64,
            packets: random.chance(0.85) || seed >= DIGESTS.len() as u64,
            faults: faults(random),
            buffers: buffers(random),
            options: options(random),
        }
    }

    pub(crate) fn config(&self, directory: &Directory) -> Config {
        with(self.options.clone(), |config| {
            config.recording.as_mut().unwrap().directory = directory.0.clone()
        })
    }

    /// Whether all sessions are recorded, and from their beginning.
    pub(crate) fn records_all(&self) -> bool {
        !self.options.recording.as_ref().unwrap().debugged
    }

    /// The longest message that all clients may send.
    pub(crate) fn max_len(&self) -> usize {
        let limits = &self.options.limits;
        limits.max_len_before_login.unwrap_or(limits.max_len)
    }

    /// Whether clients that offer it may compress.
    pub(crate) fn deflates(&self) -> bool {
        self.options.output.deflate != DeflateMode::Off
    }

    /// Whether they may refer back to earlier messages.
    pub(crate) fn is_dedicated(&self) -> bool {
        self.options.output.deflate == DeflateMode::Dedicated
    }
}

/// One of them.
fn any<T: Copy, const N: usize>(random: &mut Random, of: [T; N]) -> T {
    of[random.index(N)]
}

/// Everything that changes a connection's output, or when it ends.
fn options(random: &mut Random) -> Config {
    let max_len = any(random, [4 * KIB, 64 * KIB, 512 * KIB, 512 * KIB]);
    let some = |value: usize| (value != 0).then_some(value);
    let timer = |timer: Duration| (!timer.is_zero()).then_some(timer);
    let seconds = |random: &mut Random, of: [u64; 4]| timer(Duration::from_secs(any(random, of)));
    let mut config = Config::default();
    config.listen = vec![Listen::Tcp(([127, 0, 0, 1], 9001).into())];
    config.limits.max_connections_per_ip = None;
    config.limits.max_len = max_len;
    config.limits.max_len_before_login = some(any(random, [0, 0, max_len / 2]));
    config.limits.max_packets_per_second = any(random, [None, None, Some(20), Some(200)]);
    config.output.outbox_limit = some(any(random, [0, 2 * max_len + 256 * KIB, 2 * max_len + 1024 * KIB]));
    config.output.overflow = any(random, [Overflow::Close, Overflow::Drop]);
    config.output.compress_above = some(any(random, [0, 0, 1, 100, 5000]));
    config.output.deflate = any(random, [DeflateMode::Off, DeflateMode::Shared, DeflateMode::Dedicated]);
    config.output.deflate_above = any(random, [0, 50, 1000]);
    config.output.deflate_level = any(random, [1, 3, 6]);
    config.timers.liveness = any(random, [Liveness::Packets, Liveness::Frames]);
    config.timers.handshake = seconds(random, [1, 10, 10, 10]);
    config.timers.read = seconds(random, [0, 5, 15, 60]);
    config.timers.client_check = seconds(random, [0, 5, 20, 60]);
    config.timers.account_check = seconds(random, [0, 10, 300, 300]);
    config.timers.housekeeping = seconds(random, [0, 1, 5, 180]);
    config.timers.ping_interval = seconds(random, [0, 1, 4, 30]);
    config.drain.timeout = Some(Duration::from_secs(60));
    config.reactor.turn_time = timer(Duration::from_micros(any(random, [0, 100, 1000, 4000])));
    config.upgrade.paths = any(random, [&[][..], &["/"]]).iter().map(|path| (*path).to_owned()).collect();
    // A few sessions in a hundred fill this up, and are recorded in part.
    let mut recording = Recording::new(PathBuf::new());
    recording.debugged = random.chance(0.1);
    recording.limit = any(random, [4096, 4096, 4096, 4096, 4096, 1024]) * KIB;
    config.recording = Some(recording);
    config
}

/// The faults of the network, which end only few connections.
fn faults(random: &mut Random) -> Faults {
    let often = any(random, [0.0, 0.01, 0.1, 0.3]);
    let seldom = any(random, [0.0, 0.0005, 0.003]);
    let rude = [Fault::Reset, Fault::Vanish, Fault::HalfClose, Fault::SlowReader, Fault::TimeJump];
    let faults = rude.into_iter().fold(Faults::harmless(often), |faults, fault| faults.with(fault, seldom));
    faults
        .with(Fault::Storm, often / 20.0)
        .with(Fault::Stall, often / 4.0)
        .with(Fault::TimeJump, seldom / 10.0)
}

fn buffers(random: &mut Random) -> Buffers {
    let same = |bytes| Buffers {
        client_send: bytes,
        server_receive: bytes,
        server_send: bytes,
        client_receive: bytes,
    };
    match random.index(6) {
        0 => same(3000),
        1 => same(16 * KIB),
        2 => same(1024 * KIB),
        3 => Buffers { server_send: 2 * KIB, client_receive: 4 * KIB, ..same(256 * KIB) },
        _ => Buffers::default(),
    }
}
