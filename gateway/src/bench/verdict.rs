//! Whether all that was sent has come back, and what has not.

use super::admin::Counted;
use super::figures::Figures;
use super::plan::Kind;
use crate::words::plural;

/// One line for each difference; none if all is as it should be.
pub(super) fn differences(
    figures: &Figures,
    kind: Kind,
    counted: Option<&Result<Counted, String>>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (count, one, many) in [
        (
            figures.unanswered.saturating_sub(figures.incomplete),
            "request has no reply",
            "requests have no reply",
        ),
        (figures.refusals(), "request was refused", "requests were refused"),
        (figures.wrong, "message is not what it should be", "messages are not what they should be"),
        (figures.failures(), "connection could not be opened", "connections could not be opened"),
        (figures.losses(), "connection ended before its time", "connections ended before their time"),
    ] {
        if count > 0 {
            lines.push(plural(count, one, many));
        }
    }
    if figures.incomplete > 0 {
        let requests = plural(figures.incomplete, "request has", "requests have");
        let replies = plural(figures.parts, "reply", "replies");
        lines.push(format!("{requests} fewer replies than --replies says: {replies} to them came"));
    }
    lines.extend(hint(figures, kind).map(str::to_owned));
    if matches!(kind, Kind::Rooms { .. }) && figures.delivered != figures.deliveries_due {
        let delivered = plural(figures.delivered, "delivery", "deliveries");
        lines.push(format!("{delivered}, and there should be {}", figures.deliveries_due));
    }
    if figures.misdelivered > 0 {
        let members = plural(figures.misdelivered, "member was", "members were");
        lines.push(format!("{members} not sent each text of the room once"));
    }
    match counted {
        None => {}
        Some(Err(line)) => lines.push(format!("the server's own count: {line}")),
        Some(Ok(counted)) if counted.differing == 0 => {}
        Some(Ok(Counted { own, server, .. })) if server.connections == 0 => lines.push(format!(
            "the server at --admin knows none of {}: it is another one, or a proxy is between",
            plural(own.connections, "connection", "connections")
        )),
        Some(Ok(Counted { own, server, differing })) => lines.push(format!(
            "the server's own count differs on {}: it has received {} and sent {} on {} of them, \
             and should have received {} and sent {} on {}",
            plural(*differing, "connection", "connections"),
            plural(server.received, "packet", "packets"),
            server.sent,
            server.connections,
            own.sent,
            own.received,
            own.connections,
        )),
    }
    lines
}

/// What may be wrong with the arguments, if messages are not what they should be.
fn hint(figures: &Figures, kind: Kind) -> Option<&'static str> {
    // A server that closed the connections has said why.
    let is_explained = figures.losses() > 0 || figures.incomplete > 0;
    let nothing_came =
        figures.wrong == 0 && figures.answered == 0 && figures.refused.is_empty() && !is_explained;
    if let (true, true, Kind::Call { .. }) = (nothing_came, figures.unanswered > 0, kind) {
        return Some("no reply has come: does the command have none (--replies 0)?");
    }
    if figures.wrong == 0 {
        return None;
    }
    match (kind, figures.answered) {
        (Kind::Call { replies: 0, .. }, _) => Some("replies came, and --replies says that there are none"),
        // A refusal is a reply.
        (Kind::Call { .. }, 0) if figures.refused.is_empty() && figures.incomplete == 0 => {
            Some("no message is a reply to the command: is it a plain WebSocket echo (--echo)?")
        }
        (Kind::Echo, 0) => Some("no message is an echo: does the server want packets (without --echo)?"),
        (Kind::Call { .. }, answered) if answered > 0 && figures.surplus >= answered => {
            Some("replies came that no request asked for: does each have several (--replies)?")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::admin::Packets;

    /// The lines of 10 requests, all answered before this change.
    fn check(change: &dyn Fn(&mut Figures), kind: Kind, counted: Option<&Result<Counted, String>>) -> String {
        let mut figures = Figures::new().unwrap();
        (figures.sent, figures.answered) = (10, 10);
        change(&mut figures);
        differences(&figures, kind, counted).join("; ")
    }

    fn call(cmd: u16, echoes: bool) -> Kind {
        Kind::Call { cmd, echoes, replies: 1 }
    }

    #[test]
    fn each_difference_has_a_line() {
        let rooms = Kind::Rooms { members: 2 };
        assert_eq!(check(&|_| {}, Kind::Echo, None), "");
        assert_eq!(check(&|figures| figures.unsent = 3, Kind::Echo, None), "", "that is a low rate");
        assert_eq!(check(&|figures| figures.unanswered = 3, Kind::Echo, None), "3 requests have no reply");
        assert_eq!(check(&|figures| figures.refuse(5), Kind::Echo, None), "1 request was refused");
        assert!(check(&|figures| figures.wrong = 1, Kind::Echo, None).contains("not what it should be"));
        let end = |figures: &mut Figures| {
            figures.lose("a".to_owned());
            figures.fail("b".to_owned());
        };
        assert!(check(&end, Kind::Echo, None).contains("opened; 1 connection ended before its time"));
        let deliver = |figures: &mut Figures| (figures.delivered, figures.deliveries_due) = (3, 4);
        assert_eq!(check(&deliver, rooms, None), "3 deliveries, and there should be 4");
        let own = Packets { connections: 1, sent: 5, received: 4 };
        let server = Packets { connections: 1, sent: 3, received: 5 };
        for (differing, expected) in [(0, ""), (1, "it has received 5 packets and sent 3 on 1 of them")] {
            let line = check(&|_| {}, Kind::Echo, Some(&Ok(Counted { own, server, differing })));
            assert!(line.is_empty() == expected.is_empty() && line.contains(expected), "{line}");
        }
        assert!(check(&|_| {}, Kind::Echo, Some(&Err("no".to_owned()))).ends_with("own count: no"));
        let nobody = Counted { own, server: Packets::default(), differing: 1 };
        assert!(check(&|_| {}, Kind::Echo, Some(&Ok(nobody))).contains("knows none of 1 connection"));
        let none = Kind::Call { cmd: 1101, echoes: true, replies: 0 };
        for (kind, answered, surplus, hint) in [
            (call(1101, true), 0, 1, Some("is it a plain WebSocket echo (--echo)?")),
            (call(1101, true), 1, 0, None),
            (call(1104, false), 0, 1, Some("is it a plain WebSocket echo (--echo)?")),
            (call(1104, false), 1, 1, Some("does each have several (--replies)?")),
            (call(1104, false), 2, 1, None),
            (call(1104, false), 1, 0, None),
            (none, 0, 1, Some("--replies says that there are none")),
            (Kind::Echo, 0, 1, Some("does the server want packets (without --echo)?")),
            (Kind::Echo, 1, 1, None),
            (rooms, 0, 1, None),
        ] {
            let change = |figures: &mut Figures| {
                (figures.wrong, figures.answered, figures.surplus) = (1, answered, surplus);
            };
            let line = check(&change, kind, None);
            assert_eq!(line.contains("--"), hint.is_some(), "{line}");
            assert!(line.ends_with(hint.unwrap_or_default()), "{line}");
            let line = check(&|figures| figures.answered = answered, kind, None);
            assert!(!line.contains("--"), "{line}");
        }
        let refuse = |figures: &mut Figures| {
            (figures.wrong, figures.answered) = (1, 0);
            figures.refuse(3);
        };
        let line = check(&refuse, call(1101, true), None);
        assert!(line.ends_with("1 message is not what it should be"), "{line}");
    }

    #[test]
    fn members_that_are_sent_the_wrong_texts_are_a_difference() {
        for (misdelivered, expected) in [
            (0, ""),
            (1, "1 member was not sent each text of the room once"),
            (2, "2 members were not sent each text of the room once"),
        ] {
            let figures = Figures { misdelivered, ..Figures::new().unwrap() };
            assert_eq!(differences(&figures, Kind::Rooms { members: 2 }, None).join("; "), expected);
        }
    }

    #[test]
    fn requests_without_replies_have_a_hint_unless_something_else_explains_them() {
        let silent = |answered| {
            move |figures: &mut Figures| (figures.answered, figures.unanswered) = (answered, 10 - answered)
        };
        for (kind, answered, has_hint) in [
            (call(1107, false), 0, true),
            (call(1107, false), 1, false),
            (Kind::Echo, 0, false),
            (Kind::Rooms { members: 2 }, 0, false),
        ] {
            let line = check(&silent(answered), kind, None);
            assert_eq!(line.contains("(--replies 0)"), has_hint, "{line}");
        }
        let lose = |figures: &mut Figures| {
            silent(0)(figures);
            figures.lose("a".to_owned());
        };
        let line = check(&lose, call(1107, false), None);
        assert!(line.ends_with("before its time") && !line.contains("--"), "{line}");
        for (wrong, came, expected) in [
            (
                0,
                &[3][..],
                "9 requests have no reply; 1 request has fewer replies than --replies says: 3 replies",
            ),
            (0, &[1; 10], "10 requests have fewer replies than --replies says: 10 replies to them came"),
            (1, &[1; 10], "10 requests have fewer replies than --replies says: 10 replies to them came"),
        ] {
            let part = |figures: &mut Figures| {
                silent(0)(figures);
                figures.wrong = wrong;
                came.iter().for_each(|came| figures.note_parts(*came));
            };
            let line = check(&part, call(1107, false), None);
            assert!(line.contains(expected) && !line.contains('?'), "{line}");
            assert_eq!(line.starts_with(expected), wrong == 0, "{line}");
        }
    }
}
