//! Requests that are slow, large or malformed, and too many of them.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::common::{PATIENCE, eventually, still_serves};
use super::stage::{Address, Stage, TOKEN};

/// More connections than the server keeps at one time.
const MANY: usize = 200;

fn connect(stage: &Stage) -> TcpStream {
    let Address::Tcp(address) = stage.admin else { panic!("{:?}", stage.admin) };
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn what_is_malformed_or_large_is_refused() {
    let stage = Stage::new(&[]);
    let head = format!(
        "POST /api/kick HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: \
         application/json\r\n"
    );
    let long = "x".repeat(100_000);
    for (request, status) in [
        (b"nonsense\r\n\r\n".to_vec(), 400),
        (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03".repeat(20), 400),
        (b"GET /api/stats HTTP/1.1\r\n\r\n".to_vec(), 403),
        (b"GET /api/../metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), 404),
        (b"GET /api/recordings/ HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), 404),
        (b"GET /api/recordings/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), 404),
        (format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nCookie: {long}\r\n\r\n").into_bytes(), 431),
        (format!("{head}Content-Length: 100000\r\n\r\n").into_bytes(), 413),
        (format!("{head}Content-Length: 10\r\n\r\n[[[[[[[[[[").into_bytes(), 400),
        (format!("{head}Content-Length: 60000\r\n\r\n{}", "[".repeat(60_000)).into_bytes(), 400),
        ([head.as_bytes(), b"Content-Length: 3\r\n\r\n\"\xff\""].concat(), 400),
        (b"PUT /api/stats HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), 401),
        (b"OPTIONS /api/kick HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), 401),
    ] {
        let answer = stage.send(&request);
        let is_cut = request.len() > 16 * 1024 && answer.status == 0;
        let shown = String::from_utf8_lossy(&request[..request.len().min(80)]).into_owned();
        assert!(is_cut || answer.status == status, "{shown}: {answer:?}");
    }
    still_serves(stage.program.address());
}

#[test]
fn clients_that_send_nothing_lock_nobody_out() {
    let stage = Stage::new(&[]);
    // Prometheus connects, with its request, before and among many that send nothing or half a request.
    let mut early = connect(&stage);
    early.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut scrapes = vec![early];
    let mut idle = vec![];
    for number in 0..MANY {
        let mut stream = connect(&stage);
        stream.write_all(if number % 2 == 0 { b"" } else { b"GET / HTTP/1.1\r\nHost: loc" }).unwrap();
        idle.push(stream);
        if number % 40 == 0 {
            let mut scrape = connect(&stage);
            scrape.write_all(b"GET /api/stats HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            scrapes.push(scrape);
        }
    }
    for (number, mut scrape) in scrapes.into_iter().enumerate() {
        let mut answer = String::new();
        scrape.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{number}: {answer}");
    }
    still_serves(stage.program.address());
}

#[test]
fn what_waits_for_a_worker_leaves_room_for_figures() {
    let stage = Stage::new(&["--diagnostics", "--workers", "1"]);
    let mut player = stage.player("player", 1);
    let id = stage.json("/api/connections")["connections"][0]["id"].as_str().unwrap().to_owned();
    player.send_packet(1107, 1, &4000_u32.to_be_bytes());
    eventually("it hangs", || stage.json("/api/stats")["state"] == "stuck");
    let post = |path: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: \
             application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let list = "GET /api/connections HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned();
    let kick = post("/api/kick", &serde_json::json!({ "id": id }).to_string());
    let call = post("/api/call", r#"{"cmd":1101}"#);
    // As many as wait of each kind: together they are as many as there are connections.
    for _ in 0..8 {
        for request in [&list, &kick, &call] {
            connect(&stage).write_all(request.as_bytes()).unwrap();
        }
    }
    let statuses = ["/metrics", "/healthz", "/readyz", "/"].map(|path| stage.get(path).status);
    let refused = stage.get("/api/connections");
    assert_eq!(stage.json("/api/stats")["state"], "stuck", "all of this was while it hung");
    assert_eq!(statuses, [200; 4]);
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.body.contains("too many requests like this are under way"), "{refused:?}");
    player.reply();
}

/// Clients that ask for a list and leave, while a worker hangs. Lists that wait have room for fewer.
const LEAVING: usize = 60;

#[test]
fn lists_of_a_worker_that_hangs_leave_room_for_the_rest() {
    let stage = Stage::new(&["--diagnostics", "--workers", "3"]);
    let mut players: Vec<_> = (1..=6).map(|role| stage.player(&format!("player{role}"), role)).collect();
    let all = stage.json("/api/connections");
    let ids = |worker: u64| {
        let of = all["connections"].as_array().unwrap().iter();
        of.filter(move |one| one["worker"] == worker).map(|one| one["id"].as_str().unwrap().to_owned())
    };
    let hung = (0..3).find(|worker| ids(*worker).count() > 0).unwrap();
    let other = (0..3).rev().find(|worker| *worker != hung && ids(*worker).count() > 0).unwrap();
    let role = |id: &str| {
        let mut of = all["connections"].as_array().unwrap().iter();
        of.find(|one| one["id"] == id).unwrap()["role_id"].as_str().unwrap().parse::<usize>().unwrap()
    };
    let hanging = role(&ids(hung).next().unwrap());
    players[hanging - 1].send_packet(1107, 1, &4000_u32.to_be_bytes());
    eventually("it hangs", || stage.json("/api/stats")["state"] == "stuck");
    let list = "GET /api/connections?sort=id HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for _ in 0..LEAVING {
        connect(&stage).write_all(list.as_bytes()).unwrap();
    }
    let _waiting: Vec<_> = (0..12)
        .map(|_| {
            let mut stream = connect(&stage);
            stream.write_all(list.as_bytes()).unwrap();
            stream
        })
        .collect();
    let body = serde_json::json!({ "id": ids(other).next().unwrap() }).to_string();
    let kicked = stage.post("/api/kick", &body);
    let depth = super::figures::scrape(&stage);
    let depth = depth.get(&format!("sysconn_mailbox_depth{{worker=\"{hung}\"}}")).copied();
    assert_eq!(stage.json("/api/stats")["state"], "stuck", "all of this was while it hung");
    assert_eq!(kicked.status, 200, "{kicked:?}");
    assert!(depth.is_some_and(|depth| depth <= 8.0), "{depth:?}");
    players[hanging - 1].reply();
    eventually("lists are shown again", || stage.get("/api/connections").status == 200);
}
