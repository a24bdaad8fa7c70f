//! The plan that follows from a seed: the options of a server, and its network.

use std::time::Duration;

use sysconn::Config;
use sysconn::config::{DeflateMode, Listen, Liveness, Overflow};
use sysconn::sim::{Buffers, Fault, Faults, Random};

use crate::recorded::Directory;

const KIB: usize = 1024;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) packets: bool,
    pub(crate) faults: Faults,
    pub(crate) buffers: Buffers,
    options: Config,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let random = &mut Random::new(seed ^ 0x5eed);
        Plan {
            packets: random.chance(0.85),
            faults: faults(random),
            buffers: buffers(random),
            options: options(random),
        }
    }

    pub(crate) fn config(&self, directory: &Directory) -> Config {
        Config { record: Some(directory.0.clone()), ..self.options.clone() }
    }

    /// Whether all sessions are recorded, and from their beginning.
    pub(crate) fn records_all(&self) -> bool {
        !self.options.record_debugged
    }

    /// The longest message that is taken from everybody.
    pub(crate) fn max_len(&self) -> usize {
        match self.options.max_len_before_login {
            0 => self.options.max_len,
            before => before,
        }
    }

    /// Whether clients that offer it may compress.
    pub(crate) fn deflates(&self) -> bool {
        self.options.deflate != DeflateMode::Off
    }

    /// Whether they may refer back to earlier messages.
    pub(crate) fn is_dedicated(&self) -> bool {
        self.options.deflate == DeflateMode::Dedicated
    }
}

/// One of them.
fn any<T: Copy, const N: usize>(random: &mut Random, of: [T; N]) -> T {
    of[random.index(N)]
}

/// All that changes what a connection is sent, or when it ends.
fn options(random: &mut Random) -> Config {
    let max_len = any(random, [4 * KIB, 64 * KIB, 512 * KIB, 512 * KIB]);
    let seconds = |random: &mut Random, of: [u64; 4]| Duration::from_secs(any(random, of));
    Config {
        listen: vec![Listen::Tcp(([127, 0, 0, 1], 9001).into())],
        max_connections_per_ip: 0,
        max_len,
        max_len_before_login: any(random, [0, 0, max_len / 2]),
        max_packets_per_second: any(random, [0, 0, 20, 200]),
        outbox_limit: any(random, [0, 2 * max_len + 256 * KIB, 2 * max_len + 1024 * KIB]),
        overflow: any(random, [Overflow::Close, Overflow::Drop]),
        compress_above: any(random, [0, 0, 1, 100, 5000]),
        deflate: any(random, [DeflateMode::Off, DeflateMode::Shared, DeflateMode::Dedicated]),
        deflate_above: any(random, [0, 50, 1000]),
        liveness: any(random, [Liveness::Packets, Liveness::Frames]),
        handshake_timeout: seconds(random, [1, 10, 10, 10]),
        read_timeout: seconds(random, [0, 5, 15, 60]),
        client_check: seconds(random, [0, 5, 20, 60]),
        account_check: seconds(random, [0, 10, 300, 300]),
        housekeeping: seconds(random, [0, 1, 5, 180]),
        ping_interval: seconds(random, [0, 1, 4, 30]),
        drain_timeout: Duration::from_secs(60),
        turn_time: Duration::from_micros(any(random, [0, 100, 1000, 4000])),
        paths: any(random, [&[][..], &["/"]]).iter().map(|path| (*path).to_owned()).collect(),
        // Of all that is sent a few sessions in a hundred fill this up, and end recorded in part.
        record_debugged: random.chance(0.1),
        record_limit: any(random, [4096, 4096, 4096, 4096, 4096, 1024]) * KIB,
        ..Config::default()
    }
}

/// What can happen on the way, which ends only few connections.
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
