// 1,000 clients whose connections are cut at random: every call ends exactly once, and what has run is what the
// client was told.
//
// Each client says numbered texts in a room. An observer, whose connection is never cut, hears what was said:
// a call that was answered was heard once, one that may have run at most once, any other never.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, Ended, Refused } from "sysconn-client";
import { account, room } from "sysconn-client/messages";
import { connector, leave, relay, serve } from "./harness.mjs";

const CLIENTS = 1000;
/** A role may be in 100 rooms, which is how many an observer can hear. */
const ROOMS = 100;
const SECONDS = +(process.env.SYSCONN_CUTS ?? 5);
/** How often some are cut, and which share of them. */
const CUT_MS = 50;
const SHARE = 0.02;
const PAUSE_MS = 700;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function client(port, roleId) {
  const login = () => ({
    command: account.login,
    message: { account: `a${roleId}`, roleId: BigInt(roleId) },
  });
  const backoff = { firstMs: 50, maxMs: 500 };
  return new Client(`ws://127.0.0.1:${port}/`, { connector, login, backoff, timeoutMs: 60_000 });
}

test(`${CLIENTS} clients that are cut for ${SECONDS} s`, async () => {
  const server = await serve();
  const before = await relay(server.port);
  const heard = new Map();
  const observer = client(server.port, CLIENTS + 1);
  observer.on(room.said, ({ text }) => heard.set(text, (heard.get(text) ?? 0) + 1));
  await observer.connect();
  for (let i = 0; i < ROOMS; i++) await observer.call(room.join, { room: `r${i}` });

  const outcomes = new Map();
  const counts = { answered: 0, mayHaveRun: 0, notRun: 0, refused: 0 };
  const settle = (text, outcome) => {
    assert.ok(!outcomes.has(text), `${text} has ended twice`);
    outcomes.set(text, outcome);
    counts[outcome]++;
  };
  let going = true;
  let begun = 0;
  const play = async (roleId) => {
    const one = client(before.port, roleId);
    const mine = { room: `r${roleId % ROOMS}` };
    // A new connection is in no room. What was said before it has joined is refused.
    one.on("state", (state) => state === "open" && one.call(room.join, mine).catch(() => {}));
    await one.connect();
    for (let i = 0; going; i++) {
      const text = `${roleId}.${i}`;
      begun++;
      // Several at once, and some that would rather fail than wait.
      const offline = i % 3 ? "wait" : "reject";
      const call = one.call(room.say, { ...mine, text }, { offline }).then(
        () => settle(text, "answered"),
        (error) => {
          if (error instanceof Refused) return settle(text, "refused");
          assert.ok(error instanceof Ended, String(error));
          settle(text, error.mayHaveRun ? "mayHaveRun" : "notRun");
        },
      );
      if (i % 4) await call;
      await sleep(Math.random() * 2 * PAUSE_MS);
    }
    return one;
  };
  const playing = Array.from({ length: CLIENTS }, (_, i) => play(i + 1));
  // On a busy machine it goes on until enough has happened.
  const isEnough = () =>
    counts.answered > CLIENTS && counts.mayHaveRun > 0 && before.accepted() > CLIENTS * 1.2;
  for (const end = Date.now() + SECONDS * 1000; Date.now() < end || !isEnough(); await sleep(CUT_MS))
    before.cutSome(SHARE);
  going = false;
  const all = await Promise.all(playing);
  // All that is still to be answered is, and then the observer has heard it.
  await Promise.all(all.map((one) => one.call(1101)));
  while (outcomes.size < begun) await sleep(20);
  await sleep(500);
  await observer.call(1101);

  const wrong = [];
  for (const [text, outcome] of outcomes) {
    const times = heard.get(text) ?? 0;
    const right = outcome === "answered" ? times === 1 : outcome === "mayHaveRun" ? times <= 1 : times === 0;
    if (!right) wrong.push(`${text}: ${outcome}, heard ${times} times`);
  }
  for (const one of [observer, ...all]) one.close();
  before.close();
  await server.stop();
  leave();
  console.log(`cuts: ${before.accepted()} connections, ${JSON.stringify(counts)}`);
  assert.deepEqual(wrong, []);
  assert.equal(outcomes.size, begun);
});
