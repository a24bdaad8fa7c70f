//! Routers with 1 route, with 100, and with a route for every command there is.

use std::hint::black_box;

use sysconn::{Access, Application, Context, Module, Outcome, Request, Route, Router};

/// Commands looked up in one round.
pub(crate) const LOOKUPS: usize = 1024;
/// Modules that hold 100 commands each; one more holds the last 36.
const FULL_MODULES: usize = 655;

/// An application without anything.
pub(crate) struct Nothing;

impl Application for Nothing {
    type Session = ();
}

fn handler(_: &mut Nothing, _: Request<'_>, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

const fn route(cmd: u16) -> Route<Nothing> {
    Route::new(cmd, "function", Access::Anyone, handler)
}

/// The module `number`, with the first `N` commands that belong to it.
const fn module<const N: usize>(number: u16) -> Module<Nothing> {
    let mut routes = [route(number * 100); N];
    let mut function = 1;
    while function < N {
        routes[function] = route(number * 100 + function as u16);
        function += 1;
    }
    Module::new(number, "module", routes)
}

static ONE_ROUTE: Module<Nothing> = module::<1>(11);
static HUNDRED_ROUTES: Module<Nothing> = module::<100>(11);
static ALL_BUT_THE_LAST: [Module<Nothing>; FULL_MODULES] = {
    let mut modules = [const { module::<0>(0) }; FULL_MODULES];
    let mut number = 0;
    while number < FULL_MODULES {
        modules[number] = module::<100>(number as u16);
        number += 1;
    }
    modules
};
static THE_LAST: Module<Nothing> = module::<36>(655);

pub(crate) static ROUTER_OF_1: Router<Nothing> = Router::new([&ONE_ROUTE]);
pub(crate) static ROUTER_OF_100: Router<Nothing> = Router::new([&HUNDRED_ROUTES]);
pub(crate) static ROUTER_OF_65536: Router<Nothing> = Router::new({
    let mut modules = [&THE_LAST; FULL_MODULES + 1];
    let mut number = 0;
    while number < FULL_MODULES {
        modules[number] = &ALL_BUT_THE_LAST[number];
        number += 1;
    }
    modules
});

/// As many commands that the router has, spread over its table.
pub(crate) fn commands(router: &Router<Nothing>) -> Vec<u16> {
    let listed: Vec<u16> = router.modules().flat_map(Module::routes).map(Route::cmd).collect();
    (0..LOOKUPS).map(|index| listed[index * 40_503 % listed.len()]).collect()
}

/// Looks each of them up, and counts those that have a route.
pub(crate) fn look_up(router: &Router<Nothing>, cmds: &[u16]) -> usize {
    cmds.iter().filter(|&&cmd| black_box(router.find(cmd)).is_some()).count()
}
