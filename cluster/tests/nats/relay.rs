//! A relay between a node and NATS: it can close connections, and swallow what it should pass on.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A relay to a port.
pub(crate) struct Relay {
    pub(crate) port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    swallows_to_server: AtomicBool,
    swallows_to_client: AtomicBool,
    sockets: Mutex<Vec<TcpStream>>,
}

impl Relay {
    pub(crate) fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let own_port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
                shared
                    .sockets
                    .lock()
                    .unwrap()
                    .extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                for (from, to, is_to_server) in [
                    (client.try_clone().unwrap(), server.try_clone().unwrap(), true),
                    (server, client, false),
                ] {
                    let shared = shared.clone();
                    std::thread::spawn(move || shared.pass_on(from, to, is_to_server));
                }
            }
        });
        Relay { port: own_port, state }
    }

    pub(crate) fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Swallows what comes from now on, in these directions.
    pub(crate) fn swallow(&self, to_server: bool, to_client: bool) {
        self.state.swallows_to_server.store(to_server, Ordering::SeqCst);
        self.state.swallows_to_client.store(to_client, Ordering::SeqCst);
    }

    /// Closes all connections.
    pub(crate) fn cut(&self) {
        for socket in self.state.sockets.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl State {
    fn pass_on(&self, mut from: TcpStream, mut to: TcpStream, is_to_server: bool) {
        let mut bytes = vec![0; 65_536];
        while let Ok(len @ 1..) = from.read(&mut bytes) {
            let swallows = if is_to_server { &self.swallows_to_server } else { &self.swallows_to_client };
            if !swallows.load(Ordering::SeqCst) && to.write_all(&bytes[..len]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }
}
