//! The types of the functions that become handlers: the macros state them, so that the compiler compares
//! signatures and names the difference.

use super::context::Context;
use super::request::Request;

/// A function for [`handler!`](crate::handler).
pub type HandlerFunction<'s, 'r, 'c, 'x, S, Session, R> =
    fn(&'s mut S, Request<'r>, &'c mut Context<'x, Session>) -> R;

/// A function for [`typed!`](crate::typed) and `proto!`.
pub type MessageFunction<'s, 'c, 'x, S, M, Session, R> = fn(&'s mut S, M, &'c mut Context<'x, Session>) -> R;

/// One that takes the request as well.
pub type MessageRequestFunction<'s, 'r, 'c, 'x, S, M, Session, R> =
    fn(&'s mut S, M, Request<'r>, &'c mut Context<'x, Session>) -> R;
