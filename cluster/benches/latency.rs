//! The time that a push takes from node to node, beside two bare async-nats clients on the same NATS.
//!
//! `cargo bench -p sysconn-cluster` starts `nats-server`. Rounds of both take turns, so that what else the
//! machine does meets both; a time is half of a round trip.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a benchmark has no other clock")]

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use sysconn_cluster::nats::NatsConfig;
use sysconn_cluster::{
    BlacklistRecord, Cluster, Config, Delivery, Holder, Host, Join, Names, Request, Responder, Sent, Stamp,
    TopicRef,
};
use tokio::runtime::Builder;

const ROUNDS: usize = 40;
const PINGS: usize = 250;
/// Data of a short push.
const DATA: &[u8] = &[7; 64];

/// A game that sends a push back to a role, or says that one came.
struct Game {
    cluster: OnceLock<Cluster>,
    back_to: Option<u64>,
    came: Mutex<Sender<()>>,
}

impl Host for Game {
    fn push(&self, _: u64, _: Holder, push: Delivery) {
        match (self.back_to, self.cluster.get()) {
            (Some(role_id), Some(cluster)) => drop(cluster.push_to_role(role_id, 1, push.data)),
            _ => drop(self.came.lock().unwrap().send(())),
        }
    }

    fn close_replaced(&self, _: u64, _: Holder) {}
    fn publish(&self, _: TopicRef<'_>, _: Delivery) {}
    fn blacklist_changed(&self, _: &[BlacklistRecord]) {}
    fn blacklist_cleared(&self, _: &Stamp) {}
    fn request(&self, _: Request, _: Responder) {}
}

fn node(name: &str, address: &str, own: u64, back_to: Option<u64>, came: Sender<()>) -> Cluster {
    let game = Arc::new(Game { cluster: OnceLock::new(), back_to, came: Mutex::new(came) });
    let nats = NatsConfig { servers: vec![address.to_owned()], ..NatsConfig::default() };
    let config = Config { names: Names::new("bench", name).unwrap(), blacklist: vec![], cleared: None };
    let cluster = Cluster::start(config, nats, game.clone()).unwrap();
    game.cluster.set(cluster.clone()).ok().unwrap();
    assert_eq!(cluster.join(Duration::from_secs(10)), Join::Free);
    cluster.role_entered(own, Holder::default());
    cluster
}

/// A server on a free port. It ends with the value.
struct Server {
    child: Child,
    folder: PathBuf,
}

impl Server {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("sysconn-latency-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new("nats-server");
        command.args(["-a", "127.0.0.1", "-p", "-1", "--ports_file_dir"]).arg(&folder);
        Server { child: command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap(), folder }
    }

    /// Its address, once it listens.
    fn address(&self) -> String {
        let file = self.folder.join(format!("nats-server_{}.ports", self.child.id()));
        loop {
            let written = fs::read_to_string(&file).unwrap_or_default();
            if let Some(address) = written.split('"').find(|text| text.starts_with("nats://")) {
                return address.to_owned();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A client that sends all that comes under `ping` back.
fn echo(address: String) {
    std::thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let client = async_nats::connect(address).await.unwrap();
            let mut pings = client.subscribe("ping").await.unwrap();
            while let Some(message) = pings.next().await {
                client.publish("pong", message.payload).await.unwrap();
            }
        });
    });
}

fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1e6
}

fn main() {
    let server = Server::start();
    let address = server.address();
    let (sender, came) = channel();
    let [a, b] = [("a", 1, None), ("b", 2, Some(1))]
        .map(|(name, own, back_to)| node(name, &address, own, back_to, sender.clone()));
    while !matches!(
        (a.push_to_role(2, 1, DATA), b.push_to_role(1, 1, DATA)),
        (Ok(Sent::Node(_)), Ok(Sent::Node(_)))
    ) {
        std::thread::sleep(Duration::from_millis(100));
    }
    while came.recv_timeout(Duration::from_millis(500)).is_ok() {}
    echo(address.clone());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let client = runtime.block_on(async_nats::connect(&address)).unwrap();
    let mut pongs = runtime.block_on(client.subscribe("pong")).unwrap();
    runtime.block_on(async {
        while tokio::time::timeout(Duration::from_millis(100), pongs.next()).await.is_err() {
            client.publish("ping", DATA.into()).await.unwrap();
        }
        while tokio::time::timeout(Duration::from_millis(500), pongs.next()).await.is_ok() {}
    });
    let (mut nodes, mut bare) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        for _ in 0..PINGS {
            let begin = Instant::now();
            a.push_to_role(2, 1, DATA).unwrap();
            came.recv().unwrap();
            nodes.push(begin.elapsed() / 2);
        }
        runtime.block_on(async {
            for _ in 0..PINGS {
                let begin = Instant::now();
                client.publish("ping", DATA.into()).await.unwrap();
                pongs.next().await.unwrap();
                bare.push(begin.elapsed() / 2);
            }
        });
    }
    for (name, times) in [("node to node", &mut nodes), ("bare clients", &mut bare)] {
        println!("{name}: p50 {:.0} us, p99 {:.0} us", percentile(times, 50), percentile(times, 99));
    }
    a.good_bye();
    b.good_bye();
}
