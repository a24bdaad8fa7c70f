//! The commands that metrics tell apart: a small number for each route of the table.

/// What a route is called in labels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RouteLabels {
    pub(crate) cmd: u16,
    pub(crate) module: &'static str,
    pub(crate) name: &'static str,
    pub(crate) access: &'static str,
}

/// The numbers of all commands. 0 stands for every command without a route.
#[derive(Debug)]
pub(crate) struct Routes {
    /// The number of each command; empty if commands are not told apart.
    numbers: Vec<u16>,
    list: Vec<RouteLabels>,
}

impl Routes {
    /// The routes of a table.
    pub(crate) fn of_table(list: Vec<RouteLabels>) -> Self {
        // All zeros, of which the system only promises the memory: most pages are never used.
        let mut numbers = vec![0; usize::from(u16::MAX) + 1];
        for (route, number) in list.iter().zip(1..) {
            if let Some(place) = numbers.get_mut(usize::from(route.cmd)) {
                *place = number;
            }
        }
        Routes { numbers, list }
    }

    /// A service without a table: all commands are one.
    pub(crate) fn of_any() -> Self {
        Routes { numbers: Vec::new(), list: Vec::new() }
    }

    /// The number of a command.
    #[inline]
    pub(crate) fn number(&self, cmd: u16) -> usize {
        self.numbers.get(usize::from(cmd)).map_or(0, |number| usize::from(*number))
    }

    /// How many numbers there are.
    pub(crate) fn count(&self) -> usize {
        self.list.len() + 1
    }

    /// The route with a number; none for 0.
    pub(crate) fn get(&self, number: usize) -> Option<&RouteLabels> {
        self.list.get(number.checked_sub(1)?)
    }

    /// The label of a number: its command, `unknown`, or `any`.
    pub(crate) fn label(&self, number: usize) -> String {
        match self.get(number) {
            Some(route) => route.cmd.to_string(),
            None if self.numbers.is_empty() => "any".to_owned(),
            None => "unknown".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_has_a_number_and_all_other_commands_have_0() {
        let route = |cmd| RouteLabels { cmd, module: "", name: "", access: "" };
        let routes = Routes::of_table(vec![route(0), route(1101), route(65_535)]);
        for cmd in 0..=u16::MAX {
            let expected = [0, 1101, 65_535].iter().position(|listed| *listed == cmd).map_or(0, |at| at + 1);
            assert_eq!(routes.number(cmd), expected, "{cmd}");
        }
        let labels: Vec<_> = (0..routes.count()).map(|number| routes.label(number)).collect();
        assert_eq!(labels, ["unknown", "0", "1101", "65535"]);
        let any = Routes::of_any();
        assert_eq!((any.number(7), any.count(), any.label(0)), (0, 1, "any".to_owned()));
    }
}
