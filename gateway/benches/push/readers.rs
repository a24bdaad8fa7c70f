//! Clients that become members of a room and read. The first ones say something when they are told to.

use std::io::stdin;
use std::net::SocketAddr;

use super::CLIENT_CPU;
use super::cases::varint;
use super::fleet::{Fleet, Result, packet, pin};
use super::game::JOIN;

/// Connects so many. They log in and join a room of `serve`, or join the game: `greeting` is the first
/// command.
pub(crate) fn run(address: SocketAddr, members: usize, greeting: u16) -> Result {
    pin(CLIENT_CPU)?;
    let hello = |number: usize| {
        if greeting == JOIN {
            return packet(JOIN, b"").repeat(2);
        }
        let mut login = vec![0x0a, 1, b'a', 0x20];
        varint(number + 1, &mut login);
        [packet(greeting, &login), packet(1201, &[0x0a, 1, b'r'])].concat()
    };
    let mut fleet = Fleet::connect(address, members, hello, 2)?;
    println!("ready");
    for line in stdin().lines() {
        let line = line?;
        let [times, clients, bytes, hex] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err("what?".into());
        };
        let trigger = (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16));
        let trigger = trigger.collect::<std::result::Result<Vec<_>, _>>()?;
        let (clients, bytes) = (clients.parse()?, bytes.parse()?);
        for _ in 0..times.parse()? {
            (0..clients).try_for_each(|client| fleet.send(client, &trigger))?;
            fleet.read(bytes)?;
        }
        println!("done");
    }
    Ok(())
}
