//! Dispatch, which costs the same for 1 route, for 100, and for all 65,536 commands.

mod work;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use work::routes::{LOOKUPS, ROUTER_OF_1, ROUTER_OF_100, ROUTER_OF_65536, commands, look_up};

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
            assert_eq!(look_up(router, &cmds), LOOKUPS);
            group.bench_function(BenchmarkId::new(which, routes), |bencher| {
                bencher.iter(|| look_up(router, black_box(&cmds)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, find);
criterion_main!(benches);
