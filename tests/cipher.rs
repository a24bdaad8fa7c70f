//! The application's cipher for DataStatus 2: asked for once for each reactor, and used in both directions.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Client, Frame, config, frame, message, with};
use sysconn::frame::Opcode;
use sysconn::packet::{Cipher, Reply, Undecodable};
use sysconn::{
    Access, Application, ConnectionId, Context, Module, Outcome, Reactor, Request, Route, Router, Workers,
};

/// Adds the key to each byte.
struct AddKey(u8);

impl Cipher for AddKey {
    fn decrypt(&mut self, _: ConnectionId, data: &[u8], plain: &mut Vec<u8>) -> Result<(), Undecodable> {
        plain.extend(data.iter().map(|byte| byte.wrapping_sub(self.0)));
        Ok(())
    }

    fn encrypt(&mut self, _: ConnectionId, plain: &[u8], data: &mut Vec<u8>) {
        data.extend(plain.iter().map(|byte| byte.wrapping_add(self.0)));
    }
}

struct Game {
    key: Option<u8>,
    asked: Arc<AtomicUsize>,
}

impl Application for Game {
    type Session = ();

    fn cipher(&mut self) -> Option<Box<dyn Cipher>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Some(Box::new(AddKey(self.key?)))
    }
}

fn echo(_: &mut Game, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    context.try_reply_encrypted(request.data()).unwrap();
    Outcome::Done
}

static SECRETS: Module<Game> = Module::new(20, "secrets", [Route::new(2001, "echo", Access::Anyone, echo)]);
static ROUTES: Router<Game> = Router::new([&SECRETS]);

/// Sends "abc" with this key.
fn client(address: std::net::SocketAddr, key: u8) -> Client {
    let mut client = Client::connect(address);
    let data = b"abc".map(|byte| byte.wrapping_add(key));
    client.send(&frame(Opcode::Binary, &message(2001, 5, 2, &data)));
    client
}

#[test]
fn a_reactor_has_the_cipher_of_its_state() {
    for key in [Some(7), None] {
        let asked = Arc::new(AtomicUsize::new(0));
        let game = Game { key, asked: asked.clone() };
        let mut reactor = Reactor::bind(&config(), &ROUTES, game).unwrap();
        let (address, handle) = (reactor.local_addr().unwrap(), reactor.handle());
        let thread = std::thread::spawn(move || reactor.run());
        let mut client = client(address, 7);
        if key.is_some() {
            let Frame::Binary(bytes) = client.next() else { panic!("no packet") };
            let reply = Reply::parse(&bytes).unwrap();
            assert_eq!((reply.data_status, reply.flag, reply.data), (2, 5, &b"hij"[..]));
        } else {
            client.expect_close(4001, "no cipher");
        }
        drop(client);
        handle.drain();
        thread.join().unwrap().unwrap();
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn each_worker_has_the_cipher_of_its_state() {
    let asked = Arc::new(AtomicUsize::new(0));
    let config = with(config(), |config| config.workers = 3);
    let workers = Workers::bind(&config, &ROUTES, |_| Game { key: Some(1), asked: asked.clone() }).unwrap();
    assert_eq!((workers.count(), asked.load(Ordering::Relaxed)), (3, 3));
}

#[cfg(feature = "sim")]
#[test]
fn a_simulated_reactor_has_the_cipher_of_its_state() {
    let asked = Arc::new(AtomicUsize::new(0));
    let network = sysconn::sim::Network::new(1);
    let game = Game { key: Some(1), asked: asked.clone() };
    let _reactor = Reactor::simulated(&config(), &ROUTES, game, &network).unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}
