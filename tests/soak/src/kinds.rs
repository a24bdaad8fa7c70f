//! The kinds of clients: how often each comes, and its actions.

use crate::plan::{Data, Expected, Leave, Plan};
use crate::random::Random;
use crate::wire::{
    BINARY, CONTINUATION, PING, TEXT, UPGRADE, close, frame, header, number_field, packet, request,
    text_field, zlib_stored,
};

/// The room of the permanent members.
pub const LOBBY: &str = "lobby";
/// Roles that clients take from each other.
const CONTESTED: std::ops::Range<usize> = 1..64;
/// Roles of their own begin here.
const FIRST_ROLE: u64 = 1000;

/// A kind of client.
pub struct VisitKind {
    pub name: &'static str,
    /// Its share of all clients, in thousandths.
    per_mille: usize,
    plan: fn(Plan, &mut Maker) -> Plan,
}

/// All kinds. Clients that stay are of the last one.
pub const KINDS: [VisitKind; 20] = [
    VisitKind { name: "echoes, pings", per_mille: 220, plan: echoes },
    VisitKind { name: "all in one write, Close too", per_mille: 100, plan: at_once },
    VisitKind { name: "half-close", per_mille: 80, plan: half_close },
    VisitKind { name: "messages up to 512 KiB", per_mille: 4, plan: large },
    VisitKind { name: "fragments, pings between", per_mille: 60, plan: fragments },
    VisitKind { name: "zlib Data", per_mille: 30, plan: zlib },
    VisitKind { name: "deferred replies", per_mille: 50, plan: deferred },
    VisitKind { name: "bursts of replies", per_mille: 50, plan: bursts },
    VisitKind { name: "login, time, logout", per_mille: 60, plan: logins },
    VisitKind { name: "roles taken over (4007)", per_mille: 40, plan: rivals },
    VisitKind { name: "room: join, say, leave", per_mille: 40, plan: rooms },
    VisitKind { name: "slow readers", per_mille: 4, plan: slow },
    VisitKind { name: "slow readers that give up", per_mille: 6, plan: quitters },
    VisitKind { name: "reset at any byte", per_mille: 80, plan: resets },
    VisitKind { name: "gone at any byte", per_mille: 46, plan: vanish },
    VisitKind { name: "connected, and gone", per_mille: 20, plan: nothing },
    VisitKind { name: "hostile frames and packets", per_mille: 60, plan: hostile },
    VisitKind { name: "hostile requests", per_mille: 30, plan: refused },
    VisitKind { name: "random bytes", per_mille: 20, plan: noise },
    VisitKind { name: "members who stay", per_mille: 0, plan: member },
];

const _: () = {
    let (mut sum, mut index) = (0, 0);
    while index < KINDS.len() {
        sum += KINDS[index].per_mille;
        index += 1;
    }
    assert!(sum == 1000);
};

/// Makes plans, one after the other.
pub struct Maker {
    random: Random,
    next_role: u64,
    next_text: u64,
}

impl Maker {
    pub fn new(seed: u64) -> Self {
        Maker { random: Random::new(seed), next_role: FIRST_ROLE, next_text: 0 }
    }

    /// The plan of the next client.
    pub fn next(&mut self) -> Plan {
        let mut at = self.random.within(0..1000);
        let mut kind = 0;
        while at >= KINDS[kind].per_mille {
            at -= KINDS[kind].per_mille;
            kind += 1;
        }
        (KINDS[kind].plan)(Plan::new(kind), self)
    }

    /// The plan of a client that stays in the lobby.
    pub fn member(&mut self) -> Plan {
        let kind = KINDS.len() - 1;
        (KINDS[kind].plan)(Plan::new(kind), self)
    }

    fn role(&mut self) -> u64 {
        self.next_role += 1;
        self.next_role
    }

    /// Mostly short, as packets of a game are.
    fn data(&mut self) -> Vec<u8> {
        let len = match self.random.within(0..20) {
            0 => 0,
            1..16 => self.random.within(1..200),
            16..19 => self.random.within(200..4000),
            _ => self.random.within(4000..20_000),
        };
        self.random.bytes(len)
    }
}

fn echoes(plan: Plan, maker: &mut Maker) -> Plan {
    let mut plan = Plan::upgraded(plan.kind);
    for _ in 0..maker.random.within(1..4) {
        plan.then();
        for _ in 0..maker.random.within(1..4) {
            plan.echo(maker.data());
        }
        let len = maker.random.within(0..126);
        plan.ping(maker.random.bytes(len));
    }
    plan.then();
    if maker.random.within(0..4) == 0 {
        plan.close_without_code()
    } else {
        plan.close()
    }
    plan
}

fn at_once(plan: Plan, maker: &mut Maker) -> Plan {
    let mut plan = Plan::upgraded(plan.kind);
    for _ in 0..maker.random.within(1..20) {
        let len = maker.random.within(0..60);
        plan.echo(maker.random.bytes(len));
    }
    plan.close();
    plan
}

fn half_close(plan: Plan, maker: &mut Maker) -> Plan {
    let mut plan = Plan::upgraded(plan.kind);
    plan.then();
    for _ in 0..maker.random.within(0..6) {
        plan.echo(maker.data());
    }
    plan.shut();
    plan.expect(Expected::End);
    plan
}

fn large(plan: Plan, maker: &mut Maker) -> Plan {
    let mut plan = Plan::upgraded(plan.kind);
    for _ in 0..2 {
        plan.then();
        let len = maker.random.within(65_000..524_288 - 9);
        plan.echo(maker.random.bytes(len));
    }
    plan.then();
    plan.close();
    plan
}

fn fragments(plan: Plan, maker: &mut Maker) -> Plan {
    let mut plan = Plan::upgraded(plan.kind);
    plan.then();
    let data = maker.data();
    let message = packet(1101, 77, 0, &data);
    let mut rest = message.as_slice();
    let mut opcode = BINARY;
    for _ in 0..4 {
        let (part, more) = rest.split_at(maker.random.within(0..rest.len() + 1));
        plan.send(frame(false, opcode, part));
        plan.ping(part[..part.len().min(125)].to_vec());
        (rest, opcode) = (more, CONTINUATION);
    }
    plan.send(frame(true, CONTINUATION, rest));
    plan.expect(Expected::Packet { error_id: 0, cmd: 1101, flag: 77, data: Data::Is(data) });
    plan.then();
    plan.close();
    plan
}

fn zlib(plan: Plan, maker: &mut Maker) -> Plan {
    let mut plan = Plan::upgraded(plan.kind);
    plan.then();
    let data = maker.data();
    plan.send(frame(true, BINARY, &packet(1101, 78, 1, &zlib_stored(&data))));
    plan.expect(Expected::Packet { error_id: 0, cmd: 1101, flag: 78, data: Data::Is(data) });
    plan.close();
    plan
}

fn deferred(plan: Plan, maker: &mut Maker) -> Plan {
    let mut plan = Plan::upgraded(plan.kind);
    plan.then();
    for _ in 0..2 {
        let data = maker.data();
        let delay_ms = maker.random.within(0..20) as u32;
        plan.ask(1105, &[&delay_ms.to_be_bytes(), &data[..]].concat(), Data::Is(data));
        plan.echo(b"behind it".to_vec());
    }
    plan.then();
    plan.close();
    plan
}

fn bursts(plan: Plan, maker: &mut Maker) -> Plan {
    let mut plan = Plan::upgraded(plan.kind);
    plan.then();
    plan.ask_for_burst(maker.random.within(0..600) as u16);
    plan.send(request(1102, 0, &maker.data()));
    plan.then();
    plan.close();
    plan
}

fn logins(plan: Plan, maker: &mut Maker) -> Plan {
    let mut plan = Plan::upgraded(plan.kind);
    plan.then();
    plan.log_in(maker.role(), 1);
    plan.ask(1044, b"", Data::Any);
    plan.ask(1003, b"", Data::Is(vec![]));
    plan.ask_in_vain(1201, &text_field(1, LOBBY), 3);
    plan.then();
    plan.close();
    plan
}

fn rivals(plan: Plan, maker: &mut Maker) -> Plan {
    let mut plan = Plan::upgraded(plan.kind);
    plan.may_be_replaced = true;
    plan.then();
    plan.log_in(maker.random.within(CONTESTED) as u64, 1);
    for _ in 0..6 {
        plan.then();
        plan.echo(maker.data());
    }
    plan.then();
    plan.close();
    plan
}

fn rooms(plan: Plan, maker: &mut Maker) -> Plan {
    let mut plan = Plan::upgraded(plan.kind);
    plan.then();
    plan.log_in(maker.role(), 1);
    plan.join(LOBBY);
    for _ in 0..maker.random.within(1..3) {
        maker.next_text += 1;
        plan.say(LOBBY, format!("said {}", maker.next_text));
    }
    if maker.random.within(0..2) == 0 {
        plan.ask(1202, &text_field(1, LOBBY), Data::Any);
    }
    plan.then();
    plan.close();
    plan
}

fn member(plan: Plan, maker: &mut Maker) -> Plan {
    let mut plan = Plan::upgraded(plan.kind);
    plan.then();
    plan.log_in(maker.role(), 1);
    plan.join(LOBBY);
    plan.leave = Leave::Stay;
    plan
}

/// Asks for some 600 KB at once, and reads them slowly: most of it waits in the outbox.
fn slow(plan: Plan, maker: &mut Maker) -> Plan {
    let mut plan = Plan::upgraded(plan.kind);
    plan.is_slow = true;
    plan.then();
    plan.ask_for_burst(20_000);
    for _ in 0..4 {
        plan.echo(maker.random.bytes(60_000));
    }
    plan.then();
    plan.close();
    plan
}

/// As a slow reader, but it is gone before the end.
fn quitters(plan: Plan, maker: &mut Maker) -> Plan {
    let mut plan = Plan::upgraded(plan.kind);
    plan.is_slow = true;
    plan.then();
    plan.send(request(1104, 1, &60_000u16.to_be_bytes()));
    for index in 0..100u32 {
        plan.expect(Expected::Packet {
            error_id: 0,
            cmd: 1104,
            flag: 1,
            data: Data::Is(index.to_be_bytes().to_vec()),
        });
    }
    plan.leave = if maker.random.within(0..2) == 0 { Leave::Reset } else { Leave::Drop };
    plan
}

/// The bytes of another kind, cut somewhere.
fn cut(maker: &mut Maker) -> Vec<u8> {
    const WHOLE: [fn(Plan, &mut Maker) -> Plan; 4] = [echoes, fragments, zlib, at_once];
    let whole = WHOLE[maker.random.within(0..WHOLE.len())];
    let mut bytes = whole(Plan::new(0), maker).sent_bytes();
    bytes.truncate(maker.random.within(0..bytes.len()));
    bytes
}

fn resets(mut plan: Plan, maker: &mut Maker) -> Plan {
    plan.send(cut(maker));
    plan.leave = Leave::Reset;
    plan
}

fn vanish(mut plan: Plan, maker: &mut Maker) -> Plan {
    plan.send(cut(maker));
    plan.shut();
    plan.expect(Expected::AnythingThenEnd);
    plan
}

fn nothing(mut plan: Plan, maker: &mut Maker) -> Plan {
    plan.leave = if maker.random.within(0..2) == 0 { Leave::Reset } else { Leave::Drop };
    plan
}

fn hostile(plan: Plan, maker: &mut Maker) -> Plan {
    let mut plan = Plan::upgraded(plan.kind);
    plan.then();
    let zlib = |status, data: &[u8]| frame(true, BINARY, &packet(1101, 1, status, data));
    let (bytes, code) = match maker.random.within(0..17) {
        0 => (b"\x82\x04data".to_vec(), 1002),
        1 => (frame(true, 0x40 | BINARY, b"RSV1"), 1002),
        2 => (frame(true, 3, b"opcode 3"), 1002),
        3 => (frame(true, CONTINUATION, b"of nothing"), 1002),
        4 => (frame(false, PING, b"in parts"), 1002),
        5 => (frame(true, PING, &[0; 126]), 1002),
        6 => (close(1005), 1002),
        7 => (b"\x82\xfe\x00\x04\0\0\0\0data".to_vec(), 1002),
        8 => (frame(true, TEXT, b"text"), 1003),
        9 => ([&header(true, BINARY, 524_289)[..], &[0; 4]].concat(), 1009),
        10 => ([&header(true, BINARY, usize::MAX >> 1)[..], &[0; 4]].concat(), 1009),
        11 => (frame(true, BINARY, &[0; 8]), 4000),
        12 => (zlib(1, &maker.random.bytes(100)), 4001),
        13 => (zlib(9, b"no such status"), 4001),
        14 => (request(1002, 1, &[0xff; 40]), 4001),
        15 => {
            for _ in 0..10 {
                plan.ask_in_vain(2000, b"no such command", 1);
            }
            (request(65_535, 1, b""), 4002)
        }
        _ => {
            plan.ask_in_vain(9003, &number_field(1, 0), 3);
            plan.ask_in_vain(1103, &[0, 200], 200);
            (frame(true, BINARY, &[0; 3]), 4000)
        }
    };
    plan.send(bytes);
    plan.expect(Expected::Close(code));
    // One in two waits for the server to end the connection, which it does after a while by itself.
    if maker.random.within(0..2) == 0 {
        plan.then();
        plan.shut();
        plan.expect(Expected::End);
    }
    plan
}

fn refused(mut plan: Plan, maker: &mut Maker) -> Plan {
    let good = String::from_utf8_lossy(UPGRADE).into_owned();
    let (head, status) = match maker.random.within(0..7) {
        0 => (good.replace("GET", "POST"), 405),
        1 => (good.replace("HTTP/1.1", "HTTP/1.0"), 400),
        2 => (good.replace("Host: localhost\r\n", ""), 400),
        3 => (good.replace("Version: 13", "Version: 12"), 426),
        4 => (good.replace("dGhl", "!!!!"), 400),
        5 => (good.replace("\r\n\r\n", &format!("\r\nX: {}\r\n\r\n", "a".repeat(8192))), 431),
        _ => ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), 426),
    };
    plan.send(head.into_bytes());
    plan.expect(Expected::Head(status));
    plan
}

fn noise(plan: Plan, maker: &mut Maker) -> Plan {
    // One in two is upgraded first.
    let mut plan =
        if maker.random.within(0..2) == 0 { Plan::upgraded(plan.kind) } else { Plan::new(plan.kind) };
    plan.then();
    let len = maker.random.within(1..600);
    plan.send(maker.random.bytes(len));
    plan.shut();
    plan.expect(Expected::AnythingThenEnd);
    plan
}
