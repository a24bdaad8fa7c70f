//! The route table: routes in modules, modules in a router, checked at compile time.

use std::collections::BTreeMap;
use std::panic::Location;
use std::time::Duration;

use super::access::Access;
use super::application::Application;
use super::context::Context;
use super::mistake::{Mistake, Named};
use super::outcome::Outcome;
use super::request::Request;

/// A function that handles one command. Its arguments are the application's state, the request, and the
/// context for replies.
pub type Handler<S> = fn(&mut S, Request<'_>, &mut Context<'_, <S as Application>::Session>) -> Outcome;

/// The number of commands in a module: its number is `Cmd / 100`.
const FUNCTIONS: usize = 100;
/// The number of modules that 16-bit commands can address.
const MODULES: usize = u16::MAX as usize / FUNCTIONS + 1;

/// One command and the function that handles it.
///
/// Its alignment makes its size a power of two, so that an index into a module is a shift.
#[repr(align(64))]
pub struct Route<S: Application> {
    cmd: u16,
    name: &'static str,
    access: Access<S::Session>,
    handler: Handler<S>,
    secret: bool,
    unordered: bool,
    replies: bool,
    refusals_carry_data: bool,
    /// Milliseconds until a deferred request is refused; 0 for never.
    deadline_ms: u64,
    request: &'static str,
    reply: &'static str,
    /// Where the route was made, for messages about mistakes.
    place: &'static Location<'static>,
}

impl<S: Application> Clone for Route<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Application> Copy for Route<S> {}

impl<S: Application> Route<S> {
    /// A route from `cmd` to `handler`. The name is for listings of the table; nothing else uses it.
    #[must_use]
    #[track_caller]
    pub const fn new(cmd: u16, name: &'static str, access: Access<S::Session>, handler: Handler<S>) -> Self {
        Route {
            cmd,
            name,
            access,
            handler,
            secret: false,
            unordered: false,
            replies: false,
            refusals_carry_data: false,
            deadline_ms: 0,
            request: "",
            reply: "",
            place: Location::caller(),
        }
    }

    /// The same route with Data that is secret, such as a password or a token.
    ///
    /// [Recordings](crate::config::Recording) contain neither its Data nor anything from which it could be
    /// inferred. They never contain the Data of commands without a route. Of its requests the log of a
    /// connection under debug shows the header only.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The same route, whose deferred requests do not hold the connection's next packets back.
    ///
    /// Each answer goes out as soon as it is there, so answers can overtake each other, and later requests
    /// can be answered first; the Flag says what each belongs to. A request that an ordered route has
    /// deferred still holds every later packet back; it does not wait for unordered ones before it.
    ///
    /// A client that waits only for such answers is not excused from the
    /// [timers](crate::config::Timers) that ask for signs of life.
    #[must_use]
    pub const fn unordered(mut self) -> Self {
        self.unordered = true;
        self
    }

    /// The same route with a deadline for its deferred requests, by the clock of the reactor. Without one,
    /// which is the default, they may wait for ever.
    ///
    /// When it passes, the client gets ErrorID 6. The late answer is dropped, and counted in
    /// [`Totals::late_answers`](crate::Totals::late_answers). It is rounded up to milliseconds.
    ///
    /// # Panics
    /// If it is zero. In a `static` that is a compile error.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        assert!(!deadline.is_zero(), "a deadline of zero leaves no time for an answer");
        let ms = deadline.as_nanos().div_ceil(1_000_000);
        self.deadline_ms = if ms > u64::MAX as u128 { u64::MAX } else { ms as u64 };
        self
    }

    /// The same route, which owes a reply to each request: a handler that returns
    /// [`Outcome::Done`](crate::Outcome::Done) without having replied or deferred has made a mistake, and the
    /// log names the command once.
    #[must_use]
    pub const fn replies(mut self) -> Self {
        self.replies = true;
        self
    }

    /// The same route, whose refusals may carry Data:
    /// [`Context::refuse_with`](crate::Context::refuse_with).
    #[must_use]
    pub const fn refusals_carry_data(mut self) -> Self {
        self.refusals_carry_data = true;
        self
    }

    /// The same route with the names of its messages, for [listings](Router::routes). An empty name stands
    /// for no message.
    #[must_use]
    pub const fn messages(mut self, request: &'static str, reply: &'static str) -> Self {
        (self.request, self.reply) = (request, reply);
        self
    }

    /// The command that the route is for.
    #[must_use]
    pub const fn cmd(&self) -> u16 {
        self.cmd
    }

    /// The name of the route.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Who may call it.
    #[must_use]
    pub const fn access(&self) -> Access<S::Session> {
        self.access
    }

    /// Whether its Data is [secret](Self::secret).
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        self.secret
    }

    /// Whether its deferred requests let later packets [pass](Self::unordered).
    #[must_use]
    pub const fn is_unordered(&self) -> bool {
        self.unordered
    }

    /// Whether it [owes a reply](Self::replies) to each request.
    #[must_use]
    pub const fn owes_reply(&self) -> bool {
        self.replies
    }

    /// Whether its refusals may [carry Data](Self::refusals_carry_data).
    #[must_use]
    pub const fn refuses_with_data(&self) -> bool {
        self.refusals_carry_data
    }

    /// Its [deadline](Self::deadline), in milliseconds; 0 if it has none.
    #[must_use]
    pub const fn deadline_ms(&self) -> u64 {
        self.deadline_ms
    }

    /// The names of the message that it takes and of the one that it replies with, if they are known.
    #[must_use]
    pub fn message_names(&self) -> (Option<&'static str>, Option<&'static str>) {
        let name = |name: &'static str| (!name.is_empty()).then_some(name);
        (name(self.request), name(self.reply))
    }

    const fn named(&self) -> Named {
        Named { name: self.name, place: self.place }
    }

    /// The function that handles the command.
    #[must_use]
    pub const fn handler(&self) -> Handler<S> {
        self.handler
    }
}

/// The routes whose commands have the same `Cmd / 100`.
pub struct Module<S: Application> {
    number: u16,
    name: &'static str,
    functions: [Option<Route<S>>; FUNCTIONS],
    /// Where the module was made, for messages about mistakes.
    place: &'static Location<'static>,
}

impl<S: Application> Module<S> {
    /// The module `number` with these routes. In a `static` a mistake is a compile error, which names the
    /// routes and their lines.
    ///
    /// # Panics
    /// If a command is listed twice or belongs to another module, or if `number` is above 655.
    #[must_use]
    #[track_caller]
    #[allow(clippy::panic, reason = "at compile time this is how an error is reported")]
    pub const fn new<const N: usize>(number: u16, name: &'static str, routes: [Route<S>; N]) -> Self {
        if number as usize >= MODULES {
            panic!("{}", Mistake::no_module(number, name).as_str());
        }
        let mut functions: [Option<Route<S>>; FUNCTIONS] = [const { None }; FUNCTIONS];
        let mut i = 0;
        while i < N {
            let route: Route<S> = routes[i];
            if route.cmd / FUNCTIONS as u16 != number {
                panic!("{}", Mistake::misplaced(route.cmd, route.named(), number, name).as_str());
            }
            let function = route.cmd as usize % FUNCTIONS;
            if let Some(earlier) = &functions[function] {
                panic!("{}", Mistake::command_twice(route.cmd, earlier.named(), route.named()).as_str());
            }
            functions[function] = Some(route);
            i += 1;
        }
        Module { number, name, functions, place: Location::caller() }
    }

    const fn named(&self) -> Named {
        Named { name: self.name, place: self.place }
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

    /// The routes of the module, in the order of their commands.
    pub fn routes(&self) -> impl Iterator<Item = &Route<S>> {
        self.functions.iter().flatten()
    }
}

/// The route table: all modules of an application.
pub struct Router<S: Application> {
    modules: [Option<&'static Module<S>>; MODULES],
}

impl<S: Application> Router<S> {
    /// The router with these modules. In a `static` a mistake is a compile error.
    ///
    /// # Panics
    /// If two modules have the same number.
    #[must_use]
    #[track_caller]
    #[allow(clippy::panic, reason = "at compile time this is how an error is reported")]
    pub const fn new<'a, const N: usize>(listed: [&'a Module<S>; N]) -> Self
    where
        'a: 'static, // a table is a `static`: `static LOBBY: Module<Game> = Module::new(…);`
    {
        let mut modules: [Option<&'static Module<S>>; MODULES] = [const { None }; MODULES];
        let mut i = 0;
        while i < N {
            let number = listed[i].number as usize;
            if let Some(earlier) = modules[number] {
                panic!(
                    "{}",
                    Mistake::module_twice(number as u16, earlier.named(), listed[i].named()).as_str()
                );
            }
            modules[number] = Some(listed[i]);
            i += 1;
        }
        Router { modules }
    }

    /// A router of these routes, whose commands must differ. Its memory is never freed.
    pub(crate) fn leak(routes: impl Iterator<Item = Route<S>>) -> &'static Self {
        let mut modules: BTreeMap<u16, Box<Module<S>>> = BTreeMap::new();
        for route in routes {
            let number = route.cmd / FUNCTIONS as u16;
            let (functions, place) = ([const { None }; FUNCTIONS], Location::caller());
            let make = || Box::new(Module { number, name: "", functions, place });
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

    /// The route of a command; `None` if there is none. The cost does not depend on the number of routes.
    #[must_use]
    pub fn find(&self, cmd: u16) -> Option<&'static Route<S>> {
        let module: &'static Module<S> = (*self.modules.get(cmd as usize / FUNCTIONS)?)?;
        module.functions.get(cmd as usize % FUNCTIONS)?.as_ref()
    }

    /// The modules of the router, in the order of their numbers.
    pub fn modules(&self) -> impl Iterator<Item = &'static Module<S>> {
        self.modules.iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct State;

    impl Application for State {
        type Session = ();
    }

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
    fn the_table_has_a_module_for_each_command() {
        assert_eq!(ROUTER.modules.len(), 656);
    }

    #[test]
    fn the_table_can_be_listed() {
        let names: Vec<_> = ROUTER.modules().map(|module| (module.number(), module.name())).collect();
        assert_eq!(names, [(0, "first"), (11, "echo"), (655, "last")]);
        assert_eq!(ECHO.routes().map(Route::cmd).collect::<Vec<_>>(), [1100, 1101, 1199]);
        assert!(ECHO.routes().all(|route| route.name() == "function"));
        assert!(ECHO.routes().all(|route| matches!(route.access(), Access::Anyone)));
    }
}
