//! Keeps a context on its thread, with a message of the compiler that says what to use instead.

use std::marker::PhantomData;

/// The reason why a [`Context`](crate::Context) cannot be moved to another thread: there
/// [`Context::handle`](crate::Context::handle) sends, and [`Context::defer`](crate::Context::defer) answers.
///
/// A context contains it, and nothing implements it. It is for the compiler's message, "`dyn
/// UseHandleOrDefer` cannot be sent between threads safely".
pub trait UseHandleOrDefer {}

/// Takes no space, and cannot be sent to another thread.
pub(crate) type Confined<'a> = PhantomData<&'a mut dyn UseHandleOrDefer>;
