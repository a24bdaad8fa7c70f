//! The static tables: routes in modules, modules in a router, all checked by the compiler.

use std::collections::BTreeMap;

use super::{Access, Context, Outcome, Request};

/// A function that handles one command. It gets the application's state, the request, and the
/// context through which it replies.
pub type Handler<S> = fn(&mut S, Request<'_>, &mut Context<'_>) -> Outcome;

/// Commands in one module: `Cmd / 100` is the module, so there are 100.
const FUNCTIONS: usize = 100;
/// Modules that a 16-bit command can name.
const MODULES: usize = u16::MAX as usize / FUNCTIONS + 1;

/// One command and the function that handles it.
pub struct Route<S: 'static> {
    cmd: u16,
    name: &'static str,
    access: Access,
    handler: Handler<S>,
    secret: bool,
}

impl<S> Clone for Route<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Route<S> {}

impl<S> Route<S> {
    /// A route of `cmd` to `handler`. The name is for whoever lists the table; nothing here uses it.
    #[must_use]
    pub const fn new(cmd: u16, name: &'static str, access: Access, handler: Handler<S>) -> Self {
        Route { cmd, name, access, handler, secret: false }
    }

    /// The same route, whose Data is secret: a password, a token. Where connections are
    /// [recorded](crate::Config::record) neither Data nor what tells of it goes to the file. Data of
    /// commands that have no route never does.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The command.
    #[must_use]
    pub const fn cmd(&self) -> u16 {
        self.cmd
    }

    /// The function's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Who may call it.
    #[must_use]
    pub const fn access(&self) -> Access {
        self.access
    }

    /// Whether its Data is [secret](Self::secret).
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        self.secret
    }

    /// The function.
    #[must_use]
    pub const fn handler(&self) -> Handler<S> {
        self.handler
    }
}

/// The routes whose commands share `Cmd / 100`.
pub struct Module<S: 'static> {
    number: u16,
    name: &'static str,
    functions: [Option<Route<S>>; FUNCTIONS],
}

impl<S> Module<S> {
    /// The module `number` with these routes. Evaluated in a `static`, a mistake is a compile error.
    ///
    /// # Panics
    /// If a command is listed twice, or does not belong to this module, or no command could.
    #[must_use]
    #[allow(clippy::panic, reason = "at compile time this is how an error is reported")]
    pub const fn new<const N: usize>(number: u16, name: &'static str, routes: [Route<S>; N]) -> Self {
        assert!((number as usize) < MODULES, "no 16-bit command belongs to a module with this number");
        let mut functions = [const { None }; FUNCTIONS];
        let mut i = 0;
        while i < N {
            let route = routes[i];
            assert!(
                route.cmd / FUNCTIONS as u16 == number,
                "this command belongs to another module (Cmd / 100)"
            );
            let function = route.cmd as usize % FUNCTIONS;
            assert!(functions[function].is_none(), "this command is listed twice");
            functions[function] = Some(route);
            i += 1;
        }
        Module { number, name, functions }
    }

    /// The module's number.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.number
    }

    /// The module's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its routes, by command.
    pub fn routes(&self) -> impl Iterator<Item = &Route<S>> {
        self.functions.iter().flatten()
    }
}

/// The whole table.
pub struct Router<S: 'static> {
    modules: [Option<&'static Module<S>>; MODULES],
}

impl<S> Router<S> {
    /// The router of these modules. Evaluated in a `static`, a mistake is a compile error.
    ///
    /// # Panics
    /// If a module's number is listed twice.
    #[must_use]
    #[allow(clippy::panic, reason = "at compile time this is how an error is reported")]
    pub const fn new<const N: usize>(listed: [&'static Module<S>; N]) -> Self {
        let mut modules = [const { None }; MODULES];
        let mut i = 0;
        while i < N {
            let number = listed[i].number as usize;
            assert!(modules[number].is_none(), "this module is listed twice");
            modules[number] = Some(listed[i]);
            i += 1;
        }
        Router { modules }
    }

    /// The router of these routes, whose commands differ. Its memory is never given back.
    pub(crate) fn leak(routes: impl Iterator<Item = Route<S>>) -> &'static Self {
        let mut modules: BTreeMap<u16, Box<Module<S>>> = BTreeMap::new();
        for route in routes {
            let number = route.cmd / FUNCTIONS as u16;
            let make = || Box::new(Module { number, name: "", functions: [const { None }; FUNCTIONS] });
            let module = modules.entry(number).or_insert_with(make);
            if let Some(function) = module.functions.get_mut(usize::from(route.cmd) % FUNCTIONS) {
                *function = Some(route);
            }
        }
        let mut leaked = [const { None }; MODULES];
        for (number, module) in modules {
            if let Some(place) = leaked.get_mut(usize::from(number)) {
                *place = Some(&*Box::leak(module));
            }
        }
        Box::leak(Box::new(Router { modules: leaked }))
    }

    /// The route of a command. Its cost does not depend on how many routes there are.
    #[must_use]
    pub fn find(&self, cmd: u16) -> Option<&'static Route<S>> {
        let module: &'static Module<S> = (*self.modules.get(cmd as usize / FUNCTIONS)?)?;
        module.functions.get(cmd as usize % FUNCTIONS)?.as_ref()
    }

    /// Its modules, by number.
    pub fn modules(&self) -> impl Iterator<Item = &'static Module<S>> {
        self.modules.iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type State = Vec<u16>;

    fn handler(_: &mut State, _: Request<'_>, _: &mut Context<'_>) -> Outcome {
        Outcome::Done
    }

    const fn route(cmd: u16) -> Route<State> {
        Route::new(cmd, "function", Access::Anyone, handler)
    }

    static FIRST: Module<State> = Module::new(0, "first", [route(0), route(99)]);
    static ECHO: Module<State> = Module::new(11, "echo", [route(1101), route(1100), route(1199)]);
    static LAST: Module<State> = Module::new(655, "last", [route(65_500), route(65_535)]);
    static ROUTER: Router<State> = Router::new([&LAST, &FIRST, &ECHO]);

    #[test]
    #[cfg_attr(miri, ignore = "Miri takes minutes")]
    fn every_listed_command_is_found_and_no_other() {
        let listed = [0, 99, 1100, 1101, 1199, 65_500, 65_535];
        for cmd in 0..=u16::MAX {
            assert_eq!(ROUTER.find(cmd).map(Route::cmd), listed.contains(&cmd).then_some(cmd));
        }
    }

    #[test]
    fn the_table_is_no_longer_than_commands_reach() {
        assert_eq!(ROUTER.modules.len(), 656);
    }

    #[test]
    fn the_table_can_be_listed() {
        let names: Vec<_> = ROUTER.modules().map(|module| (module.number(), module.name())).collect();
        assert_eq!(names, [(0, "first"), (11, "echo"), (655, "last")]);
        assert_eq!(ECHO.routes().map(Route::cmd).collect::<Vec<_>>(), [1100, 1101, 1199]);
        assert!(ECHO.routes().all(|route| route.name() == "function" && route.access() == Access::Anyone));
    }
}
