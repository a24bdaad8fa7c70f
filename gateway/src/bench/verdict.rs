//! Whether all that was sent has come back, and what has not.

use super::admin::Counted;
use super::figures::Figures;
use super::plan::Kind;

/// One line for each difference; none if all is as it should be.
pub(super) fn differences(
    figures: &Figures,
    kind: Kind,
    counted: Option<&Result<Counted, String>>,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut note = |count: u64, what: &str| {
        if count > 0 {
            lines.push(format!("{count} {what}"));
        }
    };
    note(figures.unanswered, "requests have no reply");
    note(figures.refusals(), "requests were refused");
    note(figures.wrong, "messages are not what they should be");
    note(figures.failures(), "connections could not be opened");
    note(figures.losses(), "connections ended before their time");
    if matches!(kind, Kind::Rooms { .. }) && figures.delivered != figures.deliveries_due {
        lines.push(format!(
            "{} deliveries, and there should be {}",
            figures.delivered, figures.deliveries_due
        ));
    }
    match counted {
        None => {}
        Some(Err(line)) => lines.push(format!("the server's own count: {line}")),
        Some(Ok(counted)) if counted.differing == 0 => {}
        Some(Ok(Counted { own, server, differing })) => lines.push(format!(
            "the server's own count differs on {differing} connections: it has received {} packets and sent {} \
             on {} of them, and should have received {} and sent {} on {}",
            server.received, server.sent, server.connections, own.sent, own.received, own.connections,
        )),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::admin::Packets;

    #[test]
    fn each_difference_has_a_line() {
        let rooms = Kind::Rooms { members: 2 };
        let check = |change: &dyn Fn(&mut Figures), kind, counted: Option<&Result<Counted, String>>| {
            let mut figures = Figures::new().unwrap();
            (figures.sent, figures.answered) = (10, 10);
            change(&mut figures);
            differences(&figures, kind, counted).join("; ")
        };
        assert_eq!(check(&|_| {}, Kind::Echo, None), "");
        assert_eq!(check(&|figures| figures.unsent = 3, Kind::Echo, None), "", "that is a low rate");
        assert_eq!(check(&|figures| figures.unanswered = 3, Kind::Echo, None), "3 requests have no reply");
        assert_eq!(check(&|figures| figures.refuse(5), Kind::Echo, None), "1 requests were refused");
        assert!(check(&|figures| figures.wrong = 1, Kind::Echo, None).contains("not what they should be"));
        let end = |figures: &mut Figures| {
            figures.lose("a".to_owned());
            figures.fail("b".to_owned());
        };
        assert!(check(&end, Kind::Echo, None).contains("opened; 1 connections ended before"));
        let deliver = |figures: &mut Figures| (figures.delivered, figures.deliveries_due) = (3, 4);
        assert_eq!(check(&deliver, rooms, None), "3 deliveries, and there should be 4");
        let own = Packets { connections: 1, sent: 5, received: 4 };
        let server = Packets { connections: 1, sent: 3, received: 5 };
        for (differing, expected) in [(0, ""), (1, "it has received 5 packets and sent 3 on 1 of them")] {
            let line = check(&|_| {}, Kind::Echo, Some(&Ok(Counted { own, server, differing })));
            assert!(line.is_empty() == expected.is_empty() && line.contains(expected), "{line}");
        }
        assert!(check(&|_| {}, Kind::Echo, Some(&Err("no".to_owned()))).ends_with("own count: no"));
    }
}
