//! Module 11: commands to try out a connection.

use std::time::Duration;

use sysconn::packet::ErrorId;
use sysconn::{Access, Context, Outcome, Request, Route, handler};

use super::Gateway;
use crate::delay::MAX_DELAY;
use crate::messages::echo as commands;

/// The longest time for which a handler blocks.
const MAX_BLOCK: Duration = Duration::from_secs(10);

pub(super) const ROUTES: [Route<Gateway>; 5] = [
    Route::new(commands::ECHO, "echo", Access::Anyone, echo),
    Route::new(commands::SINK, "sink", Access::Anyone, handler!(sink)),
    Route::new(commands::REFUSE, "refuse", Access::Anyone, refuse),
    Route::new(commands::BURST, "burst", Access::Anyone, burst),
    Route::new(commands::DEFERRED, "deferred", Access::Anyone, deferred),
];

pub(super) const ROUTES_WITH_DIAGNOSTICS: [Route<Gateway>; 7] = {
    let [echo, sink, refuse, burst, deferred] = ROUTES;
    let panic = Route::new(commands::PANIC, "panic", Access::Anyone, panic);
    [echo, sink, refuse, burst, deferred, panic, Route::new(commands::BLOCK, "block", Access::Anyone, block)]
};

/// Any bytes → the same bytes.
fn echo(_: &mut Gateway, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    context.reply(request.data())
}

/// Any bytes → nothing.
fn sink(_: &mut Gateway, _: Request<'_>, _: &mut Context<'_>) {}

/// ErrorID:16 → a refusal with that ErrorID. 0 does not decode.
fn refuse(_: &mut Gateway, request: Request<'_>, _: &mut Context<'_>) -> Outcome {
    match <[u8; 2]>::try_from(request.data()).map(u16::from_be_bytes) {
        Ok(0) | Err(_) => Outcome::Undecodable,
        Ok(error_id) => Outcome::Refuse(ErrorId(error_id)),
    }
}

/// N:16 → N replies, each the index as 32 bits. ErrorID 6 and none of them if they cannot all fit the outbox:
/// an empty one with the default limit of 1 MiB takes 61,680.
fn burst(_: &mut Gateway, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Ok(count) = <[u8; 2]>::try_from(request.data()).map(u16::from_be_bytes) else {
        return Outcome::Undecodable;
    };
    if !context.has_capacity_for(count.into(), size_of::<u32>()) {
        return Outcome::Refuse(ErrorId::NOT_AVAILABLE);
    }
    for index in 0..u32::from(count) {
        let _ = context.reply(&index.to_be_bytes());
    }
    Outcome::Done
}

/// milliseconds:32, then any bytes → those bytes, from another thread, that much later. ErrorID 6 for more
/// than [`MAX_DELAY`], or if too much is pending already. A pending answer is dropped when its connection
/// ends.
fn deferred(gateway: &mut Gateway, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Some((ms, data)) = request.data().split_first_chunk::<4>() else { return Outcome::Undecodable };
    let delay = Duration::from_millis(u64::from(u32::from_be_bytes(*ms)));
    if delay > MAX_DELAY {
        return Outcome::Refuse(ErrorId::NOT_AVAILABLE);
    }
    let data = data.to_vec();
    gateway.delay.reply_after(delay, request, data, context);
    Outcome::Done
}

/// → the handler panics.
#[expect(clippy::panic, reason = "the purpose of the command")]
fn panic(_: &mut Gateway, _: Request<'_>, _: &mut Context<'_>) -> Outcome {
    panic!("asked to by a client")
}

/// milliseconds:32 → empty, after the handler has blocked its worker for so long, with all clients of it.
/// ErrorID 6 for more than [`MAX_BLOCK`].
fn block(_: &mut Gateway, request: Request<'_>, context: &mut Context<'_>) -> Outcome {
    let Ok(ms) = <[u8; 4]>::try_from(request.data()) else { return Outcome::Undecodable };
    let time = Duration::from_millis(u64::from(u32::from_be_bytes(ms)));
    if time > MAX_BLOCK {
        return Outcome::Refuse(ErrorId::NOT_AVAILABLE);
    }
    std::thread::sleep(time);
    context.reply(&[])
}
