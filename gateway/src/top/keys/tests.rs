//! What keys do, by sequences of them.

use serde_json::{Value, json};

use super::super::state::ListOf;
use super::*;

fn state(has_token: bool, total: usize) -> State {
    let mut state = State::new("http://127.0.0.1:9091", has_token);
    state.rows = 10;
    let connection = |index: usize| json!({ "id": index.to_string(), "account": "ann", "peer": "192.0.2.1:5", "debug": index == 2 });
    let connections: Vec<Value> = (0..total.min(400)).map(connection).collect();
    let page = json!({ "total": total, "matching": total, "offset": 0, "connections": connections });
    state.take_page(Ok(serde_json::from_value(page).unwrap()));
    state.stats =
        Some(serde_json::from_value(json!({ "commands": [{ "cmd": 1101 }, { "cmd": 9 }] })).unwrap());
    state
}

fn list(state: &State) -> (String, String) {
    match state.wanted_page().of {
        ListOf::Server { sort, search } => (sort, search),
        ListOf::AllNodes => panic!("the list is of all servers"),
    }
}

fn sort(state: &State) -> String {
    list(state).0
}

fn search(state: &State) -> String {
    list(state).1
}

/// Presses keys, named as in the help or by their letter, and returns the last outcome.
fn keys(state: &mut State, keys: &str) -> Outcome {
    let code = |key: &str| match key {
        "Tab" => KeyCode::Tab,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "PgDn" => KeyCode::PageDown,
        "PgUp" => KeyCode::PageUp,
        "Home" => KeyCode::Home,
        "End" => KeyCode::End,
        "Left" => KeyCode::Left,
        "Right" => KeyCode::Right,
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Back" => KeyCode::Backspace,
        letter => KeyCode::Char(letter.chars().next().unwrap()),
    };
    let outcomes = keys.split(' ').map(|key| press(state, KeyEvent::new(code(key), KeyModifiers::NONE)));
    outcomes.last().unwrap()
}

#[test]
fn a_question_about_a_connection_ends_with_its_server() {
    for (started_ms, is_asked) in [("1", true), ("2", false)] {
        let mut state = state(true, 5);
        let answers = |started_ms: &str| {
            let stats = serde_json::from_value(json!({ "started_ms": started_ms, "pid": 1 })).unwrap();
            Ok((stats, serde_json::from_value(json!({})).unwrap()))
        };
        let wanted = state.wanted();
        state.take_figures(&wanted, answers("1"));
        keys(&mut state, "k");
        state.take_figures(&wanted, answers(started_ms));
        assert_eq!(matches!(state.focus, Focus::Question(_)), is_asked, "{started_ms}");
    }
}

#[test]
fn the_selection_stays_on_the_list_and_the_screen() {
    for (total, pressed, cursor, first, outcome) in [
        (100, "Down Down Up", 1, 0, Outcome::Nothing),
        (100, "Up", 0, 0, Outcome::Nothing),
        (100, "PgDn PgDn", 18, 9, Outcome::Nothing),
        (100, "End", 99, 90, Outcome::Nothing),
        (100, "End PgUp Home", 0, 0, Outcome::Nothing),
        (3, "End Down PgDn", 2, 0, Outcome::Nothing),
        (0, "Down End", 0, 0, Outcome::Nothing),
        // Beyond what was fetched, and as far as a sorted list goes.
        (5000, "End", 4999, 4990, Outcome::AskPage),
        (50_000, "End", 9999, 9990, Outcome::AskPage),
        (100, "End r", 0, 0, Outcome::AskPage),
        (100, "End Right", 0, 0, Outcome::AskPage),
    ] {
        let mut state = state(true, total);
        assert_eq!(keys(&mut state, pressed), outcome, "{pressed}");
        assert_eq!((state.cursor, state.first), (cursor, first), "{pressed} of {total}");
        let wanted = state.wanted_page();
        assert!(wanted.offset <= first && first + 10 <= wanted.offset + wanted.limit, "{wanted:?}");
        assert!(wanted.offset + wanted.limit <= 10_000, "the server refuses more: {wanted:?}");
    }
}

#[test]
fn connections_can_be_sorted_by_any_column() {
    let mut state = state(true, 100);
    assert_eq!(sort(&state), "-recv_count");
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..COLUMNS.len() {
        assert_eq!(keys(&mut state, "Right"), Outcome::AskPage);
        seen.insert(sort(&state));
    }
    assert_eq!(seen.len(), COLUMNS.len());
    keys(&mut state, "Left r");
    assert_eq!(sort(&state), "connected_ms");
}

#[test]
fn a_search_is_typed_and_ended() {
    let mut state = state(true, 100);
    assert_eq!(keys(&mut state, "/"), Outcome::Nothing);
    // Letters are no commands meanwhile.
    assert_eq!(keys(&mut state, "q k x Back"), Outcome::AskPage);
    assert_eq!((search(&state).as_str(), &state.focus), ("qk", &Focus::Search));
    keys(&mut state, "Enter");
    assert_eq!((state.search.as_str(), &state.focus), ("qk", &Focus::Figures));
    assert_eq!(keys(&mut state, "Esc"), Outcome::AskPage);
    assert_eq!(state.search, "");
    keys(&mut state, "/");
    (0..100).for_each(|_| drop(keys(&mut state, "名")));
    assert_eq!(state.search.chars().count(), MAX_SEARCH);
}

#[test]
fn an_act_needs_a_token_a_connection_and_a_yes() {
    for (total, pressed, expected) in [
        (3, "k y", Some(("0", ActKind::Kick))),
        (3, "Down k Y", Some(("1", ActKind::Kick))),
        (3, "d y", Some(("0", ActKind::Debug { on: true }))),
        (3, "End d y", Some(("2", ActKind::Debug { on: false }))),
        (3, "k n", None),
        (3, "k Esc", None),
        (3, "k Enter", None),
        (3, "k n y", None),
        (0, "k y", None),
    ] {
        let mut state = state(true, total);
        let acted = match keys(&mut state, pressed) {
            Outcome::Act(act) => Some((act.id.to_string(), act.kind)),
            outcome => {
                assert_eq!(outcome, Outcome::Nothing, "{pressed}");
                None
            }
        };
        assert_eq!(acted, expected.map(|(id, kind)| (id.to_owned(), kind)), "{pressed}");
    }
    // The list may change while the question is on the screen; it is still about the same client.
    let mut asked = state(true, 3);
    keys(&mut asked, "Down k");
    asked.take_page(Ok(Default::default()));
    assert!(matches!(keys(&mut asked, "y"), Outcome::Act(Act { id, .. }) if id.as_str() == "1"));
    let mut state = state(false, 3);
    assert_eq!(keys(&mut state, "k y"), Outcome::Nothing);
    assert_eq!(state.focus, Focus::Figures);
    keys(&mut state, "d");
    assert!(state.notice.unwrap().as_str().contains("--token-file"));
}

#[test]
fn commands_and_views_are_chosen_in_turn() {
    let mut state = state(true, 3);
    for (pressed, command) in
        [("c", Some(9)), ("c", Some(1101)), ("c", None), ("C", Some(1101)), ("C", Some(9)), ("C", None)]
    {
        assert_eq!(keys(&mut state, pressed), Outcome::AskFigures);
        assert_eq!(state.wanted().cmd, command);
    }
    for (pressed, view) in
        [("Tab", View::Graphs), ("4", View::Connections), ("Tab", View::All), ("3", View::Commands)]
    {
        keys(&mut state, pressed);
        assert_eq!(state.view, view);
    }
    assert_eq!(keys(&mut state, "? Down Down Up"), Outcome::Nothing);
    assert_eq!(state.focus, Focus::Help(1));
    assert_eq!(keys(&mut state, "Esc q"), Outcome::Quit);
}

#[test]
fn all_servers_of_a_cluster_are_listed_if_there_is_one() {
    let mut state = state(true, 100);
    assert_eq!((keys(&mut state, "a"), state.shows_all_nodes()), (Outcome::Nothing, false));
    assert!(state.notice.is_some());
    state.stats = Some(serde_json::from_value(json!({ "node": "a", "other_nodes": ["b"] })).unwrap());
    assert_eq!((keys(&mut state, "Down a"), state.cursor), (Outcome::AskPage, 0));
    assert_eq!(state.wanted_page().of, ListOf::AllNodes);
    for key in ["r", "/", "Left", "Right"] {
        assert_eq!((keys(&mut state, key), state.focus.clone()), (Outcome::Nothing, Focus::Figures), "{key}");
        assert!(state.notice.is_some(), "{key}");
    }
    let connection = json!({ "id": "7", "node": "b", "peer": "unix", "connected_ms": "5" });
    let page = json!({ "total": 1, "matching": 1, "connections": [connection] });
    state.take_page(Ok(serde_json::from_value(page).unwrap()));
    let (node, id, connected_ms) = (Shown::new("b"), Shown::new("7"), Shown::new("5"));
    let act = Act { kind: ActKind::Kick, node, id, connected_ms, whom: "7 of b (nobody, unix)".to_owned() };
    assert_eq!(keys(&mut state, "k y"), Outcome::Act(act));
    // In this list the server that is asked has its name too.
    state.stats = Some(serde_json::from_value(json!({ "node": "b", "other_nodes": ["a"] })).unwrap());
    let outcome = keys(&mut state, "k y");
    assert!(matches!(&outcome, Outcome::Act(act) if act.node.as_str().is_empty()), "{outcome:?}");
    assert_eq!(keys(&mut state, "a"), Outcome::AskPage);
    assert!(matches!(state.wanted_page().of, ListOf::Server { .. }));
}
