// Connecting, its loss and reconnecting, on sockets and a clock of the test's own.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Client, Ended, Refused } from "sysconn-client";
import { fails, made, open, pass, Sockets } from "./fake.mjs";

const ROOT = process.env.SYSCONN_ROOT ?? "../..";
const CODES = JSON.parse(readFileSync(`${ROOT}/clients/vectors/advice.json`, "utf8"));

test("after each close code it does what the vectors say", async () => {
  for (const { code, advice } of CODES) {
    const { sockets, client } = await open();
    const call = fails(client.call(7, undefined, { timeoutMs: 0 }));
    sockets.end(code, "why");
    const error = await call;
    assert.ok(error instanceof Ended);
    assert.deepEqual([error.code, error.reason, error.advice, error.mayHaveRun], [code, "why", advice, true]);
    assert.equal(client.state, advice === "never" ? "closed" : "waiting", String(code));
    await pass(0);
    assert.equal(sockets.all.length, advice === "now" ? 2 : 1, String(code));
    await pass(1000);
    assert.equal(sockets.all.length, advice === "never" ? 1 : 2, String(code));
    client.close();
  }
});

test("waits double up to the longest, and begin anew after 10 s logged in", async () => {
  const { sockets, client } = await open();
  const waits = async (code) => {
    const { length } = sockets.all;
    sockets.end(code);
    await pass(0);
    for (let ms = 0; ; ms += 500) {
      if (sockets.all.length > length) return ms;
      await pass(500);
    }
  };
  const seen = [];
  for (let i = 0; i < 8; i++) seen.push(await waits(1006));
  assert.deepEqual(seen, [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]);
  // "now" after a failure is as "later".
  sockets.open();
  assert.equal(await waits(4009), 60000);
  sockets.open();
  await pass(9999);
  assert.equal(await waits(4009), 60000);
  sockets.open();
  await pass(10000);
  assert.equal(await waits(4009), 0);
  assert.equal(await waits(1006), 2000);
  client.close();
});

test("waits are random, and never nothing", async () => {
  for (const [random, ms] of [
    [0.75, 250],
    [0.999, 1],
  ]) {
    const { sockets, client } = await open({}, random);
    sockets.end(1001);
    await pass(ms - 1);
    assert.equal(sockets.all.length, 1);
    await pass(1);
    assert.equal(sockets.all.length, 2);
    client.close();
  }
});

test("a reason that ends in retry=SECONDS overrides the table", async () => {
  const rows = [
    ["going away; retry=20", 30000],
    ["retry=0", 0],
    // No such ending.
    ["retry=20 ", 500],
    ["noretry=20", 500],
    ["retry=-1", 500],
    ["retry=99999999999", 500],
  ];
  for (const [reason, ms] of rows) {
    for (const code of ms === 500 ? [1001] : [1001, 4010]) {
      const { sockets, client } = await open({}, 0.5);
      sockets.end(code, reason);
      assert.equal(client.state, "waiting", reason);
      if (ms) await pass(ms - 1);
      assert.equal(sockets.all.length, 1, reason);
      await pass(1);
      assert.equal(sockets.all.length, 2, reason);
      client.close();
    }
  }
});

test("retry=0 is at once, but not again and again", async () => {
  const { sockets, client } = await open({}, 0.5);
  for (const ms of [0, 1000, 2000]) {
    const { length } = sockets.all;
    sockets.end(1001, "retry=0");
    if (ms) await pass(ms - 1);
    assert.equal(sockets.all.length, length);
    await pass(1);
    assert.equal(sockets.all.length, length + 1);
    sockets.open();
  }
  client.close();
});

test("the option advice overrides all of it", async () => {
  const advice = (code, reason) => ({ 1001: "never", 4010: "now" })[code] ?? (reason ? "never" : undefined);
  for (const [code, reason, state] of [
    [1001, "retry=1", "closed"],
    [4010, "", "waiting"],
    [1006, "", "waiting"],
    [1006, "x", "closed"],
  ]) {
    const { sockets, client } = await open({ advice });
    sockets.end(code, reason);
    assert.equal(client.state, state);
    client.close();
  }
});

test("connect rejects only where the client does not try again", async () => {
  const { sockets, client, states } = made();
  const opening = client.connect();
  const other = client.connect();
  sockets.end(1006);
  await pass(1000);
  sockets.open();
  await Promise.all([opening, other, client.connect()]);
  assert.deepEqual(states, ["connecting", "waiting", "connecting", "login", "open"]);
  sockets.end(4007);
  const again = fails(client.connect());
  sockets.end(1002, "bad frame");
  assert.equal((await again).code, 1002);
  const closing = fails(client.connect());
  client.close(3000, "bye");
  assert.deepEqual([(await closing).code, client.state], [3000, "closed"]);
  assert.deepEqual(sockets.last.closed, [3000, "bye"]);
});

test("a socket that does not open in time is given up", async () => {
  const { sockets, client } = made({ connectTimeoutMs: 5000 });
  client.connect().catch(() => {});
  await pass(4999);
  assert.equal(client.state, "connecting");
  await pass(1);
  assert.equal(client.state, "waiting");
  assert.ok(sockets.last.closed);
  await pass(1000);
  // The old one is of no interest any more.
  sockets.all[0].onopen({});
  sockets.all[0].onclose({ code: 4007 });
  assert.equal(client.state, "connecting");
  sockets.open();
  assert.equal(client.state, "open");
  client.close();
});

test("connectTimeoutMs 0 is no limit", async () => {
  const { client } = made({ connectTimeoutMs: 0 });
  client.connect().catch(() => {});
  await pass(1e6);
  assert.equal(client.state, "connecting");
  client.close();
});

test("a URL or connector that fails is tried again", async () => {
  let times = 0;
  const sockets = new Sockets();
  const url = () => (++times < 3 ? Promise.reject(new Error("no URL")) : Promise.resolve("ws://y/"));
  const client = new Client(url, { connector: sockets.connector, protocols: ["game"] });
  const errors = [];
  client.on("error", ({ message }) => errors.push(message));
  client.connect().catch(() => {});
  for (let i = 0; i < 3; i++) await pass(2000);
  assert.deepEqual([times, errors], [3, ["no URL", "no URL"]]);
  assert.deepEqual([sockets.last.url, sockets.last.protocols], ["ws://y/", ["game"]]);
  client.close();
  const throws = () => {
    throw new Error("no socket");
  };
  const other = new Client("ws://x/", { connector: throws });
  const opening = fails(other.connect());
  assert.equal(other.state, "waiting");
  other.close();
  assert.ok((await opening) instanceof Ended);
});

test("a login comes first, and what it rejects with decides", async () => {
  const logins = [];
  const login = () => new Promise((resolve, reject) => logins.push({ resolve, reject }));
  const { sockets, client } = made({ login });
  const opening = client.connect();
  const patient = { timeoutMs: 0 };
  const call = client.call(7, undefined, patient);
  sockets.open();
  // This one's answer comes after the connection was lost.
  sockets.end(1006);
  await pass(1000);
  sockets.open();
  logins[0].resolve({ command: 99 });
  await pass();
  assert.deepEqual(sockets.last.sent, []);
  logins[1].resolve({ command: 2, message: new Uint8Array([1]) });
  await pass();
  assert.deepEqual(
    sockets.last.sent.map(({ cmd }) => cmd),
    [2],
  );
  sockets.answer({ errorId: 6 });
  await pass();
  assert.deepEqual([client.state, sockets.last.closed?.length], ["waiting", 0]);
  await pass(4000);
  sockets.open();
  logins[2].reject(new Error("no token"));
  await pass();
  assert.equal(client.state, "waiting");
  await pass(8000);
  sockets.open();
  logins[3].resolve({ command: 2 });
  await pass();
  sockets.answer();
  await pass();
  assert.deepEqual(
    sockets.last.sent.map(({ cmd }) => cmd),
    [2, 7],
  );
  await opening;
  sockets.answer();
  await call;
  const waiting = client.call(8, undefined, patient);
  sockets.end(1006);
  const lost = await fails(waiting);
  assert.ok(lost.mayHaveRun);
  const never = fails(client.call(9, undefined, patient));
  await pass(16000);
  sockets.open();
  logins[4].resolve({ command: 2 });
  await pass();
  const refused = [];
  client.on("refused", (refusal) => refused.push(refusal));
  const again = fails(client.connect());
  sockets.answer({ errorId: 7 });
  assert.ok((await again) instanceof Refused);
  assert.deepEqual([(await never).mayHaveRun, client.state, refused.length], [false, "closed", 1]);
});

test("a refused login says that it was the login", async () => {
  const { sockets, client } = made({ login: () => ({ command: 1002 }) });
  const said = [];
  client.on("refused", ({ message, stack }) => said.push([message, stack.includes(message)]));
  const opening = fails(client.connect());
  for (const errorId of [6, 7]) {
    sockets.open();
    await pass();
    sockets.answer({ errorId });
    await pass(1000);
  }
  const refused = (errorId) => `login: command 1002 was refused with ErrorID ${errorId}`;
  assert.deepEqual(said, [
    [refused(6), true],
    [refused(7), true],
  ]);
  assert.equal((await opening).message, refused(7));
  // Of other requests it does not.
  const other = await open();
  const call = fails(other.client.call(1002));
  other.sockets.answer({ errorId: 7 });
  assert.equal((await call).message, "command 1002 was refused with ErrorID 7");
});

test("what a handler of states does takes effect", async () => {
  const { sockets, client } = made();
  client.on("state", (state) => state === "connecting" && client.close());
  assert.equal((await fails(client.connect())).code, 1000);
  assert.deepEqual([client.state, sockets.all.length], ["closed", 0]);
  const other = await open();
  other.client.on("state", (state) => state === "waiting" && other.client.close());
  other.sockets.end(1006);
  await pass(60000);
  assert.deepEqual([other.client.state, other.sockets.all.length], ["closed", 1]);
});
