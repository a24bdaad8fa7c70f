//! Dispatch: it costs the same for 1 route, for 100, and for every command there is.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sysconn::{Access, Context, Module, Outcome, Request, Route, Router};

/// Commands looked up in one round.
const LOOKUPS: usize = 1024;
/// Modules that hold 100 commands each; one more holds the last 36.
const FULL_MODULES: usize = 655;

fn handler(_: &mut (), _: Request<'_>, _: &mut Context<'_>) -> Outcome {
    Outcome::Done
}

const fn route(cmd: u16) -> Route<()> {
    Route::new(cmd, "function", Access::Anyone, handler)
}

/// The module `number`, with the first `N` commands that belong to it.
const fn module<const N: usize>(number: u16) -> Module<()> {
    let mut routes = [route(number * 100); N];
    let mut function = 1;
    while function < N {
        routes[function] = route(number * 100 + function as u16);
        function += 1;
    }
    Module::new(number, "module", routes)
}

static ONE_ROUTE: Module<()> = module::<1>(11);
static HUNDRED_ROUTES: Module<()> = module::<100>(11);
static ALL_BUT_THE_LAST: [Module<()>; FULL_MODULES] = {
    let mut modules = [const { module::<0>(0) }; FULL_MODULES];
    let mut number = 0;
    while number < FULL_MODULES {
        modules[number] = module::<100>(number as u16);
        number += 1;
    }
    modules
};
static THE_LAST: Module<()> = module::<36>(655);

static ROUTER_OF_1: Router<()> = Router::new([&ONE_ROUTE]);
static ROUTER_OF_100: Router<()> = Router::new([&HUNDRED_ROUTES]);
static ROUTER_OF_65536: Router<()> = Router::new({
    let mut modules = [&THE_LAST; FULL_MODULES + 1];
    let mut number = 0;
    while number < FULL_MODULES {
        modules[number] = &ALL_BUT_THE_LAST[number];
        number += 1;
    }
    modules
});

/// As many commands that the router has, spread over its table.
fn commands(router: &Router<()>) -> Vec<u16> {
    let listed: Vec<u16> = router.modules().flat_map(Module::routes).map(Route::cmd).collect();
    (0..LOOKUPS).map(|index| listed[index * 40_503 % listed.len()]).collect()
}

fn find(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("router/find");
    group.throughput(Throughput::Elements(LOOKUPS as u64));
    for (router, routes) in [(&ROUTER_OF_1, 1), (&ROUTER_OF_100, 100), (&ROUTER_OF_65536, 65_536)] {
        let found = (0..=u16::MAX).filter(|&cmd| router.find(cmd).is_some_and(|route| route.cmd() == cmd));
        assert_eq!(found.count(), routes);
        // The routes of a few commands stay in the nearest cache; many do not fit it.
        let many = commands(router);
        let few: Vec<u16> = many.iter().take(8).copied().cycle().take(LOOKUPS).collect();
        for (which, cmds) in [("few commands", few), ("many commands", many)] {
            let look_up =
                |cmds: &[u16]| cmds.iter().filter(|&&cmd| black_box(router.find(cmd)).is_some()).count();
            assert_eq!(look_up(&cmds), LOOKUPS);
            group.bench_function(BenchmarkId::new(which, routes), |bencher| {
                bencher.iter(|| look_up(black_box(&cmds)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, find);
criterion_main!(benches);
