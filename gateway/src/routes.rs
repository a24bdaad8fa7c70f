//! `sysconn routes`: lists the commands that `serve` answers.

use crate::modules;
use crate::options::RoutesTask;
use crate::output::print;

/// Prints the routes, as a table or as JSON.
///
/// # Errors
/// One line that says why they cannot be printed.
pub(crate) fn routes(task: &RoutesTask) -> Result<(), String> {
    let router = modules::routes(task.diagnostics);
    let text = if task.json {
        router.routes_json()
    } else {
        let lines = router.routes().map(|route| {
            let name = format!("{}.{}", route.module, route.name);
            let message = |name: Option<&'static str>| name.unwrap_or("-");
            let (request, reply) = (message(route.request), message(route.reply));
            format!("{:<5} {name:<24} {:<8} {request} {reply}\n", route.cmd, route.access)
        });
        lines.collect()
    };
    print(&text)
}
