//! The screen at several sizes, as text in `snapshots/`, which `SYSCONN_WRITE=1` writes again.

use std::fs;
use std::path::Path;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};
use serde_json::{Value, json};

use super::super::columns::COLUMNS;
use super::super::state::{Act, ActKind, VIEWS, View, Wanted};
use super::*;

const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (200, 60), (40, 10)];
/// Names that players choose.
const HOSTILE: [&str; 5] = [
    "\u{1b}[2J\u{1b}[31mred",
    "\u{202e}drowssap",
    "名字名字名字名字",
    "<script>alert(1)</script>",
    "a\nb\u{7}\u{9b}31m",
];

fn stats() -> Value {
    let command = |cmd: u16, name: &str, count: u64| {
        json!({ "cmd": cmd, "name": name, "count": count, "per_second": count as f64 / 60.0,
                "p50_ms": 0.05, "p99_ms": 1.2, "p999_ms": 250.0, "stalls": 1 })
    };
    json!({
        "version": "0.1.0", "now_ms": "1800000000000", "uptime_s": 3725.5, "workers": 3, "pid": 4711,
        "state": "serving", "stuck": [],
        "clients": { "total": 123, "by_state": { "open": 120, "upgrading": 3 }, "limit": 1000 },
        "totals": { "accepted": 4567, "closed": 4444, "packets_received": 12_345_678, "packets_sent": 12_345_600,
                    "bytes_received": 1_234_567_890, "bytes_sent": 2_345_678_901_u64, "logins": 99,
                    "bad_requests": 7, "send_errors": 8, "stalls": 9 },
        "rates": { "packets_received": 12_345.0, "packets_sent": 999.5, "cpu": 0.425 },
        "request_ms": { "p50": 0.05, "p99": 1.25, "p999": 250.0 },
        "commands": [command(1101, "echo.echo", 600_000), command(1002, "account.login", 90), command(9, HOSTILE[0], 1)],
        "closed_by_cause": { "peer_closed": 4400, "idle": 40, "operator": 4 },
        "turn_max_ms": 12.5, "memory_bytes": 123_456_789, "fds": 150, "fds_limit": 1_048_576, "outbox_bytes": 2048,
    })
}

fn history() -> Value {
    let wave = |high: u64| (0..900).map(|second| json!(second * high / 900)).collect::<Vec<_>>();
    json!({
        "end_s": 1_800_000_000,
        "clients": { "open": wave(120), "upgrading": wave(4) },
        "packets_received": wave(12_345), "packets_sent": wave(1000),
        "closed": { "idle": wave(3), "operator": vec![0; 900] },
        "turn_max_ms": wave(13), "cpu": vec![0.5; 300],
        "request_ms": { "p50": wave(2), "p99": wave(40), "p999": wave(250) },
    })
}

fn page(total: usize) -> Value {
    let connections: Vec<_> = (0..total.min(400))
        .map(|index| {
            json!({
                "id": (6 + 3 * index).to_string(), "worker": index % 3, "peer": format!("192.0.2.{}:50000", index % 250),
                "kind": "tester", "account": HOSTILE[index % HOSTILE.len()], "platform": "", "zone_id": 1,
                "role_id": "7", "custodian": "", "connected_ms": "1799999990000", "recv_count": 1_000_000 - index,
                "send_count": 5, "bytes_received": 12_345, "bytes_sent": 54_321, "last_cmd": 1101, "debug": index == 1,
            })
        })
        .collect();
    json!({ "total": total, "matching": total, "offset": 0, "connections": connections })
}

fn state() -> State {
    let mut state = State::new("http://127.0.0.1:9091", true);
    let wanted = Wanted { seconds: 900, cmd: None };
    let stats = serde_json::from_value(stats()).unwrap();
    state.take_figures(&wanted, Ok((stats, serde_json::from_value(history()).unwrap())));
    state.take_page(Ok(serde_json::from_value(page(5000)).unwrap()));
    state
}

fn terminal(state: &mut State, (width, height): (u16, u16), has_colors: bool) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    state.rows = rows(Rect::new(0, 0, width, height), state);
    state.scroll();
    terminal.draw(|frame| draw(frame, state, &Theme::new(has_colors))).unwrap();
    terminal
}

fn screen(state: &mut State, size: (u16, u16)) -> String {
    let terminal = terminal(state, size, true);
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for row in buffer.area.rows() {
        let mut columns = row.columns();
        while let Some(at) = columns.next() {
            let symbol = buffer[(at.x, at.y)].symbol();
            text.push_str(symbol);
            // A wide character covers the next cell.
            (1..crate::top::shown::width(symbol)).for_each(|_| {
                columns.next();
            });
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

fn check(name: &str, text: &str) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/top/view/snapshots").join(format!("{name}.txt"));
    if std::env::var_os("SYSCONN_WRITE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(text == expected, "{name} differs from {}:\n{text}", path.display());
}

#[test]
fn each_view_suits_each_size() {
    for size @ (width, height) in SIZES {
        for (view, name) in VIEWS.into_iter().zip(["all", "graphs", "commands", "connections"]) {
            let mut state = State { view, ..state() };
            check(&format!("{name}-{width}x{height}"), &screen(&mut state, size));
        }
    }
}

#[test]
fn what_lies_over_the_figures_suits_each_size() {
    let act = Act {
        kind: ActKind::Kick,
        node: Shown::default(),
        id: Shown::new("6"),
        connected_ms: Shown::default(),
        whom: "6 (名字, 192.0.2.1:50000)".to_owned(),
    };
    for size @ (width, height) in [(80, 24), (40, 10)] {
        for (focus, name) in
            [(Focus::Help(0), "help"), (Focus::Question(act.clone()), "question"), (Focus::Search, "search")]
        {
            let mut state = State { focus, search: "a\u{202e}b".to_owned(), ..state() };
            check(&format!("{name}-{width}x{height}"), &screen(&mut state, size));
        }
    }
}

#[test]
fn the_state_of_the_server_is_told() {
    let stuck =
        json!([{ "worker": 2, "cmd": 1107, "name": "echo.block", "work": "handler", "for_ms": 1234 }]);
    let idle = json!([{ "worker": 0, "cmd": null, "name": null, "work": "tick", "for_ms": 60_000 }]);
    for (state_of, stuck, expected) in [
        ("serving", json!([]), "\nserving  clients 123/1000  packets/s 12.3k in 1000 out"),
        ("draining", json!([]), "\ndraining  clients 123/1000"),
        ("stuck", stuck, "\nstuck in command 1107 (echo.block), worker 2, 1234 ms  clients"),
        ("stuck", idle, "\nstuck in its own work, worker 0, 60 s  clients"),
        ("\u{1b}c", json!([]), "\n\\u{1b}c  clients"),
    ] {
        let mut state = state();
        let mut answer = stats();
        answer["state"] = json!(state_of);
        answer["stuck"] = stuck;
        state.stats = Some(serde_json::from_value(answer).unwrap());
        let text = screen(&mut state, (120, 40));
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_server_that_is_gone_is_told_of_and_comes_back() {
    let wanted = Wanted { seconds: 900, cmd: None };
    let mut fresh = State::new("unix:/run/admin\u{1b}", false);
    assert!(
        screen(&mut fresh, (80, 24)).contains("sysconn unix:/run/admin\\u{1b}\nwaiting for the first answer")
    );
    let mut state = state();
    for state in [&mut fresh, &mut state] {
        state.take_figures(&wanted, Err("no connection: \u{1b}refused".to_owned()));
        let text = screen(state, (120, 40));
        assert!(
            text.contains("NO FIGURES: no connection: \\u{1b}refused; asking again every second"),
            "{text}"
        );
    }
    assert!(screen(&mut state, (120, 40)).contains("the figures are old  clients 123/1000"));
    let answers = (serde_json::from_value(stats()).unwrap(), serde_json::from_value(history()).unwrap());
    state.take_figures(&wanted, Ok(answers));
    state.take_page(Err("HTTP status 503: a worker hangs".to_owned()));
    let text = screen(&mut state, (120, 40));
    assert!(text.contains("\nserving  clients") && !text.contains("NO FIGURES"), "{text}");
    assert!(text.contains("connections: 5000, at 1 (old: HTTP status 503: a worker hangs)"), "{text}");
}

#[test]
fn what_is_told_is_whole_on_a_narrow_screen() {
    let told = "kick and debug need --token-file FILE, with the token of the server's --admin-token-file";
    for width in [40, 80, 120] {
        let mut state = State { notice: Some(Shown::new(told)), ..state() };
        let wanted = Wanted { seconds: 900, cmd: None };
        state.take_figures(&wanted, Err("no connection to http://127.0.0.1:9091: refused".to_owned()));
        let text = screen(&mut state, (width, 24));
        let words: Vec<_> = text.split_whitespace().collect();
        for text in
            [told, "NO FIGURES: no connection to http://127.0.0.1:9091: refused; asking again every second"]
        {
            let expected: Vec<_> = text.split_whitespace().collect();
            assert!(words.windows(expected.len()).any(|found| found == expected), "{width}: {words:?}");
        }
    }
}

#[test]
fn no_size_and_no_figure_is_a_panic() {
    let widest = json!({
        "uptime_s": 1e300, "workers": u32::MAX, "pid": u32::MAX, "stuck": [{ "for_ms": u64::MAX }],
        "clients": { "total": u64::MAX, "limit": 0 }, "turn_max_ms": -1.0, "now_ms": "-5",
        "totals": { "packets_received": u64::MAX }, "rates": { "packets_received": 1e300, "packets_sent": -1.0 },
        "commands": vec![json!({ "per_second": 1e300, "p50_ms": 1e300, "count": u64::MAX }); 100],
        "closed_by_cause": { "x".repeat(1000): u64::MAX, "": 0 },
    });
    let odd =
        json!({ "end_s": u64::MAX, "cpu": [-1.0, 1e308, null], "clients": { "a": [1e308], "b": [1e308] } });
    let wanted = Wanted { seconds: 900, cmd: None };
    for (stats, history, page) in
        [(json!({}), json!({}), json!({})), (widest, odd, json!({ "matching": u32::MAX, "offset": 9 }))]
    {
        let mut state = State { focus: Focus::Help(0), cursor: 7, sorted: COLUMNS.len() - 1, ..state() };
        let answers = (serde_json::from_value(stats).unwrap(), serde_json::from_value(history).unwrap());
        state.take_figures(&wanted, Ok(answers));
        state.take_page(Ok(serde_json::from_value(page).unwrap()));
        for width in [0, 1, 2, 5, 14, 25, 49, 51, 70, 200] {
            for height in [0, 1, 2, 3, 5, 15, 20, 60] {
                for view in VIEWS {
                    terminal(&mut State { view, ..state.clone() }, (width, height), true);
                }
            }
        }
    }
}

#[test]
fn colors_are_the_terminals_own_and_can_be_off() {
    for view in VIEWS {
        let mut state = State { view, focus: Focus::Help(0), ..state() };
        for has_colors in [true, false] {
            let terminal = terminal(&mut state, (120, 40), has_colors);
            let cells = &terminal.backend().buffer().content;
            assert!(
                cells.iter().all(|cell| cell.bg == Color::Reset),
                "a background suits one kind of terminal only"
            );
            let colored = cells.iter().filter(|cell| cell.fg != Color::Reset).count();
            assert_eq!(colored > 0, has_colors, "{view:?}");
            let is_shown = |modifier| cells.iter().any(|cell| cell.modifier.contains(modifier));
            assert!(is_shown(Modifier::BOLD));
            assert!(is_shown(Modifier::REVERSED) || !matches!(view, View::All | View::Connections));
        }
    }
}

#[test]
fn the_connections_of_a_cluster_have_their_servers() {
    let mut state = state();
    let mut answer = stats();
    (answer["node"], answer["other_nodes"]) = (json!("node-1"), json!(["node-2", "\u{1b}c"]));
    state.stats = Some(serde_json::from_value(answer).unwrap());
    assert!(screen(&mut state, (120, 40)).contains("pid 4711, node node-1 of 3"));
    state.wants_all_nodes = true;
    let row = |node: &str, id: &str| json!({ "node": node, "id": id, "bytes_sent": null, "last_cmd": null });
    let page = json!({ "total": 2, "matching": 2, "connections": [row("node-1", "3"), row("a\u{1b}b", "3")],
                       "missing_nodes": ["node-2", "\u{1b}c"] });
    state.take_page(Ok(serde_json::from_value(page).unwrap()));
    check("nodes-120x40", &screen(&mut State { view: View::Connections, ..state.clone() }, (120, 40)));
    // A server that is in no cluster any more has a list of its own.
    state.stats = Some(serde_json::from_value(stats()).unwrap());
    assert!(!screen(&mut state, (120, 40)).contains("all servers"));
}
