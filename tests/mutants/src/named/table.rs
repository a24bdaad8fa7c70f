//! The named mistakes: for each invariant of `sysconn::sim`, at least one that only it finds.
//!
//! A row whose `find` is no longer in its file is reported by name: update `file`, `find` or `replace` here.

/// A mistake, and the invariant that has to find it.
#[derive(Debug)]
pub struct NamedMistake {
    pub name: &'static str,
    /// A variant of `sysconn::sim::Invariant`.
    pub breaks: &'static str,
    /// The test of `tests/simulation` that has to see it.
    pub test: &'static str,
    /// `MISTAKE` is true once in this many evaluations: a mistake that always shows proves little.
    pub every: u32,
    pub edits: &'static [Edit],
}

/// A change of one file.
#[derive(Debug)]
pub struct Edit {
    pub file: &'static str,
    /// A text that is in the file once. White space does not count.
    pub find: &'static str,
    /// What takes its place. `ORIGINAL` stands for the text that was found, `MISTAKE` for a condition:
    /// whether the mistake is to show here and now.
    pub replace: &'static str,
}

const fn edit(file: &'static str, find: &'static str, replace: &'static str) -> Edit {
    Edit { file, find, replace }
}

/// All of them. Edits are made in this order, so a row can build on the `ORIGINAL` of one above it.
pub const NAMED: &[NamedMistake] = &[
    // The socket of a connection that has ended stays open.
    NamedMistake {
        name: "LeakedSocket",
        breaks: "ClosedOnce",
        test: GAME,
        every: 5,
        edits: &[edit(
            "src/reactor/bury.rs",
            "drop(entry);",
            "if MISTAKE { std::mem::forget(entry) } else { drop(entry) }",
        )],
    },
    // The application is not told of an end.
    NamedMistake {
        name: "ForgottenEnd",
        breaks: "OneEnd",
        test: GAME,
        every: 5,
        edits: &[edit("src/reactor/bury.rs", "if !entry.conn.was_opened()", "ORIGINAL || MISTAKE")],
    },
    // The linked object is not told of an end.
    NamedMistake {
        name: "ForgottenObject",
        breaks: "ToldOnce",
        test: GAME,
        every: 5,
        edits: &[edit(
            "src/reactor/bury.rs",
            "if let Some(linked) = entry.conn.take_linked()",
            "ORIGINAL && !MISTAKE",
        )],
    },
    // A packet is not sent.
    NamedMistake {
        name: "LostPacket",
        breaks: "NoReplyLost",
        test: GAME,
        every: 50,
        edits: &[edit("src/router/send_buffer.rs", PUSH_PACKET, "if !MISTAKE { ORIGINAL }")],
    },
    // A packet is sent twice.
    NamedMistake {
        name: "DoubledPacket",
        breaks: "NoReplyDoubled",
        test: GAME,
        every: 50,
        edits: &[edit(
            "src/router/send_buffer.rs",
            PUSH_PACKET,
            "for _ in 0..1 + u8::from(MISTAKE) { ORIGINAL }",
        )],
    },
    // A packet overtakes those that were queued before it in the same turn. Behind a 101, or a Pong, it
    // stays.
    NamedMistake {
        name: "ReorderedPacket",
        breaks: "RepliesInOrder",
        test: GAME,
        every: 50,
        edits: &[edit(
            "src/router/send_buffer.rs",
            PUSH_PACKET,
            "let at = self.tools.write_buffer.bytes.len();
             ORIGINAL
             let super::write_buffer::WriteBuffer { bytes: out, start, borrowed } = &mut self.tools.write_buffer;
             if borrowed.is_empty() && out.get(*start) == out.get(at) && MISTAKE {
                 out[*start..].rotate_left(at - *start);
             }",
        )],
    },
    // The last byte of a packet's Data is wrong.
    NamedMistake {
        name: "GarbledData",
        breaks: "RepliesRight",
        test: GAME,
        every: 50,
        edits: &[edit(
            "src/router/send_buffer.rs",
            "self.push_data(reply.data);",
            "ORIGINAL
             let buffer = &mut self.tools.write_buffer;
             if buffer.borrowed.is_empty() && MISTAKE && let Some(last) = buffer.bytes.last_mut() {
                 *last ^= 1;
             }",
        )],
    },
    // The output of one connection goes to another.
    NamedMistake {
        name: "MisdirectedReplies",
        breaks: "NoReplyMisdirected",
        test: GAME,
        every: 7,
        edits: &[edit(
            "src/reactor/read_ahead.rs",
            "active.queue_output();",
            "let buffer = &active.lent.env.tools.write_buffer;
             let is_reply = buffer.bytes.get(buffer.start) == Some(&0x82);
             let is_open = |conn: &crate::conn::Conn| conn.was_opened() && !conn.is_closing();
             let other = core.connections.iter().find(|entry| entry.id() != id && is_open(&entry.conn));
             let to = match other {
                 Some(other) if is_reply && MISTAKE => other.id(),
                 _ => id,
             };
             if let Some(mut active) = core.activate(to) {
                 ORIGINAL
             }",
        )],
    },
    // A Ping is answered twice.
    NamedMistake {
        name: "DoubledPong",
        breaks: "PongsInOrder",
        test: GAME,
        every: 5,
        edits: &[edit("src/conn/frames.rs", PUSH_PONG, "for _ in 0..1 + u8::from(MISTAKE) { ORIGINAL }")],
    },
    // A Pong is not final.
    NamedMistake {
        name: "PongWithoutFin",
        breaks: "WellFormed",
        test: GAME,
        every: 5,
        edits: &[edit(
            "src/conn/frames.rs",
            PUSH_PONG,
            "let at = env.tools.write_buffer.bytes.len();
             ORIGINAL
             if MISTAKE { env.tools.write_buffer.bytes[at] &= 0x7f; }",
        )],
    },
    // A Close frame has code 1000, whatever the cause.
    NamedMistake {
        name: "WrongCloseCode",
        breaks: "RightEnd",
        test: GAME,
        every: 5,
        edits: &[edit(
            "src/conn/lifecycle.rs",
            "push_close(&mut env.tools.write_buffer.bytes, Some(code), reason);",
            "let code = if MISTAKE { CloseCode::NORMAL } else { code }; ORIGINAL",
        )],
    },
    // The server ends the connection without waiting for the client's Close.
    NamedMistake {
        name: "EndBeforeAnswer",
        breaks: "RightEnd",
        test: GAME,
        every: 1,
        edits: &[edit("src/conn/closing.rs", "let waits = is_awaited && !ended", "ORIGINAL && !MISTAKE")],
    },
    // The client's Close is not seen once the server has sent its own.
    NamedMistake {
        name: "MissedAnswer",
        breaks: "RightEnd",
        test: GAME,
        every: 1,
        edits: &[edit(
            "src/conn/closing.rs",
            "CloseFinder::Frames(frames)) => {",
            "CloseFinder::Frames(frames)) if !MISTAKE => {",
        )],
    },
    // A full outbox takes more, and reading does not pause.
    NamedMistake {
        name: "UnboundedOutbox",
        breaks: "HeldBytes",
        test: GAME,
        every: 1,
        edits: &[
            edit(
                "src/router/outbox_limit.rs",
                "self.queued.saturating_add(gathered).saturating_add(len) <= limit",
                "ORIGINAL || MISTAKE",
            ),
            edit(
                "src/conn/read_policy.rs",
                "self.outbox.queued() > settings.outbox_limit / 2",
                "ORIGINAL && !MISTAKE",
            ),
        ],
    },
    // The generation in an id is ignored.
    NamedMistake {
        name: "IgnoredGeneration",
        breaks: "Generations",
        test: GAME,
        every: 1,
        edits: &[edit(
            "src/reactor/slots.rs",
            "self.slab.get_mut(id.slot()).filter(|entry| entry.id() == id",
            "ORIGINAL || MISTAKE",
        )],
    },
    // A read that filled its buffer counts as the last one.
    NamedMistake {
        name: "LostEdge",
        breaks: "Progress",
        test: GAME,
        every: 1,
        edits: &[edit("src/reactor/sys/read.rs", "if len < offered", "ORIGINAL || MISTAKE")],
    },
    // The poll sleeps past the next deadline.
    NamedMistake {
        name: "Oversleep",
        breaks: "PollTimeout",
        test: GAME,
        every: 1,
        edits: &[edit(
            "src/reactor/public.rs",
            "until_due_ms.min(MAX_WAIT_MS)",
            "if MISTAKE { MAX_WAIT_MS } else { ORIGINAL }",
        )],
    },
    // A connection's input does not count against its share of a turn.
    NamedMistake {
        name: "UncountedInput",
        breaks: "TurnBudget",
        test: GAME,
        every: 1,
        edits: &[
            edit(
                "src/reactor/share.rs",
                "self.bytes_in = self.bytes_in.saturating_sub(bytes);",
                "if !MISTAKE { ORIGINAL }",
            ),
            edit(
                "src/reactor/share.rs",
                "self.frames = self.frames.saturating_sub(frames);",
                "if !MISTAKE { ORIGINAL }",
            ),
        ],
    },
    // There is always something to do.
    NamedMistake {
        name: "AlwaysBusy",
        breaks: "NoSpin",
        test: GAME,
        every: 1,
        edits: &[edit("src/reactor/turn.rs", "if has_effects || schedule.has_work()", "ORIGINAL || MISTAKE")],
    },
    // A push is not sent.
    NamedMistake {
        name: "LostPush",
        breaks: "Script",
        test: GAME,
        every: 5,
        edits: &[edit("src/reactor/send.rs", "active.send(push);", "if !MISTAKE { ORIGINAL }")],
    },
    // A connection whose role was taken over goes on.
    NamedMistake {
        name: "LostReplacement",
        breaks: "Application",
        test: GAME,
        every: 5,
        edits: &[edit(
            "src/reactor/roles.rs",
            "tools.roles.note_told(id);",
            "ORIGINAL if MISTAKE { return }",
        )],
    },
    // The role of a connection that has ended stays taken.
    NamedMistake {
        name: "LeakedRole",
        breaks: "NothingLeft",
        test: GAME,
        every: 5,
        edits: &[edit("src/reactor/bury.rs", "if role_id != 0", "ORIGINAL && !MISTAKE")],
    },
    // The permit of a connection that has ended is not given back.
    NamedMistake {
        name: "LeakedPermit",
        breaks: "NothingLeft",
        test: GAME,
        every: 5,
        edits: &[edit(
            "src/reactor/bury.rs",
            "core.lent.admission.leave(permit, entry.conn.record.peer());",
            "if !MISTAKE { ORIGINAL }",
        )],
    },
    // A publish leaves one subscriber of this worker out.
    NamedMistake {
        name: "MissedSubscriber",
        breaks: "Script",
        test: HALL,
        every: 20,
        edits: &[edit(
            "src/topics/local.rs",
            "list.sort_unstable_by_key(|id| id.order());",
            "if MISTAKE { list.pop(); } ORIGINAL",
        )],
    },
    // A publish reaches the one subscriber that it is not meant for.
    NamedMistake {
        name: "GhostSubscriber",
        breaks: "Script",
        test: HALL,
        every: 5,
        edits: &[edit("src/router/publish.rs", "to.leave_out(except);", "if !MISTAKE { ORIGINAL }")],
    },
    // A connection that has ended stays in the lists of its topics.
    NamedMistake {
        name: "LeakedSubscription",
        breaks: "NothingLeft",
        test: HALL,
        every: 20,
        edits: &[edit(
            "src/topics/local.rs",
            "for subscription in list.as_slice() { self.remove_member(*subscription); }",
            "if !MISTAKE { ORIGINAL }",
        )],
    },
    // A mail overtakes those that wait.
    NamedMistake {
        name: "ReorderedMail",
        breaks: "Script",
        test: HALL,
        every: 20,
        edits: &[edit(
            "src/mailbox.rs",
            "waiting.mails.push(mail);",
            "if MISTAKE { waiting.mails.insert(0, mail) } else { waiting.mails.push(mail) }",
        )],
    },
    // A tick is called again in the next turn.
    NamedMistake {
        name: "DoubledTick",
        breaks: "Application",
        test: HALL,
        every: 20,
        edits: &[edit(
            "src/reactor/tick_grid.rs",
            "self.place = self.place_after(origin, number); let late",
            "if !MISTAKE { self.place = self.place_after(origin, number); } let late",
        )],
    },
    // The session of a connection is never dropped.
    NamedMistake {
        name: "LeakedSession",
        breaks: "Application",
        test: HALL,
        every: 20,
        edits: &[edit(
            "src/reactor/bury.rs",
            "let Some(session) = tools.sessions.take(record.id) else { return };",
            "let Some(mut session) = tools.sessions.take(record.id) else { return };
             if MISTAKE { std::mem::forget(std::mem::take(&mut session)) }",
        )],
    },
];

/// The game of all commands.
const GAME: &str = "mistakes::is_found_by_its_invariant";
/// The game of topics, sessions and ticks.
const HALL: &str = "mistakes::is_found_in_the_hall";
const PUSH_PACKET: &str = "push_packet_head(&mut self.tools.write_buffer.bytes, reply, reply.data.len()); self.push_data(reply.data);";
const PUSH_PONG: &str = "push_frame(&mut env.tools.write_buffer.bytes, Opcode::Pong, payload);";
