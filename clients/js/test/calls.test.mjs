// Calls, streams and pushes, on sockets and a clock of the test's own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { Client, Ended, Refused, TimedOut } from "sysconn-client";
import { pass, Sockets } from "./fake.mjs";

async function open(options = {}) {
  const sockets = new Sockets();
  const client = new Client("ws://x/", { connector: sockets.connector, heartbeat: false, ...options });
  const opening = client.connect();
  sockets.open();
  await opening;
  return { sockets, client };
}

const fails = (promise) => promise.then(assert.fail, (error) => error);
const bytes = (...values) => new Uint8Array(values);

test("Flags count from 1, wrap, and skip 0 and those in use", async () => {
  const { sockets, client } = await open({ timeoutMs: 0 });
  client.call(7).catch(() => {});
  client.call(8).catch(() => {});
  // So that the test need not make four thousand million calls.
  Object.values(client).find((part) => part && "_last" in part)._last = 0xfffffffe;
  client.call(9).catch(() => {});
  client.call(10).catch(() => {});
  const flags = sockets.last.sent.map(({ flag }) => flag);
  assert.deepEqual(flags, [1, 2, 0xffffffff, 3]);
  client.close();
});

test("an answer reaches its call, whatever the order", async () => {
  const { sockets, client } = await open();
  const calls = [1, 2, 3].map((cmd) => client.call(cmd));
  for (const flag of [3, 1, 2]) sockets.arrive({ flag, cmd: flag, data: bytes(flag) });
  assert.deepEqual(await Promise.all(calls), [bytes(1), bytes(2), bytes(3)]);
  // A second answer, one of another command, and one to nobody.
  const call = client.call(4);
  for (const [flag, cmd] of [
    [1, 1],
    [4, 5],
    [77, 1],
  ])
    sockets.arrive({ flag, cmd });
  assert.equal(client.dropped, 3);
  sockets.answer({ data: bytes(4) });
  assert.deepEqual(await call, bytes(4));
  client.close();
});

test("time limits and signals give calls up", async () => {
  const { sockets, client } = await open({ timeoutMs: 100 });
  const controller = new AbortController();
  const calls = [
    client.call(1),
    client.call(2, undefined, { timeoutMs: 300 }),
    client.call(3, undefined, { timeoutMs: Infinity, signal: controller.signal }),
  ].map(fails);
  await pass(100);
  assert.deepEqual({ ...(await calls[0]) }, { cmd: 1, mayHaveRun: true, name: "TimedOut" });
  await pass(200);
  assert.ok((await calls[1]) instanceof TimedOut);
  controller.abort(new Error("enough"));
  assert.equal((await calls[2]).message, "enough");
  assert.equal((await fails(client.call(4, undefined, { signal: controller.signal }))).message, "enough");
  assert.equal(sockets.last.sent.length, 3);
  for (const flag of [1, 2, 3]) sockets.arrive({ flag, cmd: flag });
  assert.equal(client.dropped, 3);
  client.close();
});

test("calls wait for a connection, so many and so long", async () => {
  const { sockets, client } = await open({ maxPending: 2, timeoutMs: 500 });
  sockets.end(1006);
  const waiting = [1, 2].map((cmd) => client.call(cmd, bytes(cmd), { timeoutMs: 0 }));
  const error = await fails(client.call(3));
  assert.deepEqual([error instanceof Ended, error.code, error.mayHaveRun], [true, 0, false]);
  assert.equal((await fails(client.call(3, undefined, { offline: "reject" }))).mayHaveRun, false);
  await pass(1000);
  // Login has not begun: the socket is not open.
  assert.deepEqual(sockets.last.sent, []);
  sockets.open();
  assert.deepEqual(
    sockets.last.sent.map(({ cmd, data }) => [cmd, ...data]),
    [
      [1, 1],
      [2, 2],
    ],
  );
  for (const flag of [1, 2]) sockets.arrive({ flag, cmd: flag });
  await Promise.all(waiting);
  // A socket that closes takes nothing any more, and does not say so.
  sockets.last.readyState = 2;
  assert.equal(client.post(9), false);
  const late = fails(client.call(4));
  await pass(500);
  assert.deepEqual([(await late).name, (await late).mayHaveRun], ["TimedOut", false]);
  client.close();
  assert.equal((await fails(client.call(5))).code, 0);
});

test("codecs make messages of bytes", async () => {
  const request = { encode: (text) => bytes(text.length), decode: assert.fail };
  const reply = { encode: assert.fail, decode: ([length]) => "x".repeat(length) };
  const { sockets, client } = await open();
  const command = { cmd: 7, request, reply };
  const call = client.call(command, "abc");
  assert.deepEqual(sockets.last.sent[0].data, bytes(3));
  sockets.answer({ data: bytes(2) });
  assert.equal(await call, "xx");
  const thrown = {
    cmd: 8,
    request: {
      encode: () => {
        throw new Error("encode");
      },
    },
    reply: {
      decode: () => {
        throw new Error("decode");
      },
    },
  };
  assert.equal((await fails(client.call(thrown, "a"))).message, "encode");
  const decodes = fails(client.call(thrown));
  sockets.answer();
  assert.equal((await decodes).message, "decode");
  const errors = [];
  client.on("error", ({ message }) => errors.push(message));
  client.on(thrown, assert.fail);
  const seen = [];
  client.on({ cmd: 8, reply }, (text) => seen.push(text));
  sockets.arrive({ cmd: 8, data: bytes(1) });
  assert.deepEqual([errors, seen], [["decode"], ["x"]]);
  client.close();
});

test("compressed Data is inflated, and nothing overtakes it", async () => {
  const data = deflateSync(bytes(1, 2, 3));
  const inflates = [];
  const inflate = () => new Promise((resolve, reject) => inflates.push({ resolve, reject }));
  const { sockets, client } = await open({ inflate });
  const seen = [];
  client.on(1, ([first]) => seen.push(first));
  client.on("error", ({ message }) => seen.push(message));
  client.on("state", (state) => seen.push(state));
  sockets.arrive({ cmd: 1, status: 1, data });
  sockets.arrive({ cmd: 1, data: bytes(2) });
  sockets.arrive({ cmd: 1, status: 1, data });
  sockets.end(1006);
  await pass();
  assert.deepEqual(seen, []);
  inflates[0].resolve(bytes(1));
  await pass();
  assert.deepEqual(seen, [1, 2]);
  inflates[1].reject(new Error("no zlib"));
  await pass();
  assert.deepEqual(seen, [1, 2, "no zlib", "Data of status 1 can't be read", "waiting"]);
  client.close();

  const plain = await open();
  const call = plain.client.call(1);
  plain.sockets.answer({ status: 1, data });
  assert.deepEqual(await call, bytes(1, 2, 3));
  // Empty Data is never inflated; what is encrypted can't be read.
  const empty = plain.client.call(1);
  plain.sockets.answer({ status: 1 });
  assert.deepEqual(await empty, bytes());
  const encrypted = fails(plain.client.call(1));
  plain.sockets.answer({ status: 2, data });
  assert.match((await encrypted).message, /status 2/);
  plain.client.close();
});

test("what is no packet is an error, and harms nothing", async () => {
  const { sockets, client } = await open();
  const errors = [];
  client.on("error", (error) => errors.push(error));
  for (const data of ["text", new ArrayBuffer(3)]) sockets.last.onmessage({ data });
  assert.deepEqual([errors.length, client.state], [2, "open"]);
  client.close();
});

test("streams end as they should", async () => {
  const { sockets, client } = await open({ timeoutMs: 100 });
  const all = async (stream) => {
    const seen = [];
    for await (const [first] of stream) seen.push(first);
    return seen;
  };
  const burst = (flag, count) => {
    for (let i = 0; i < count; i++) sockets.arrive({ flag, cmd: 1, data: bytes(i % 256) });
  };
  const ended = all(client.stream(1));
  burst(1, 2);
  await pass(99);
  burst(1, 1);
  await pass(99);
  burst(1, 1);
  await pass(100);
  assert.deepEqual(await ended, [0, 1, 0, 0]);

  const refused = fails(all(client.stream(1)));
  sockets.answer({ errorId: 6 });
  assert.ok((await refused) instanceof Refused);

  const full = client.stream(1);
  burst(3, 257);
  assert.equal(client.dropped, 0);
  burst(3, 1);
  assert.equal(client.dropped, 1);
  for (let i = 0; i < 256; i++) assert.deepEqual((await full.next()).value, bytes(i));
  assert.ok((await fails(full.next())) instanceof Ended);
  assert.ok((await full.next()).done);

  const left = all(client.stream(1)[Symbol.asyncIterator]());
  for await (const _ of (setImmediate(() => burst(5, 1)), client.stream(1))) break;
  burst(5, 1);
  assert.equal(client.dropped, 2);
  await pass(100);
  assert.deepEqual(await left, []);

  const lost = client.stream(1);
  burst(6, 1);
  sockets.end(1011);
  assert.deepEqual((await lost.next()).value, bytes(0));
  const error = await fails(lost.next());
  assert.deepEqual([error.code, error.mayHaveRun], [1011, true]);
  const never = fails(client.stream(1).next());
  await pass(100);
  assert.deepEqual([(await never).name, (await never).mayHaveRun], ["TimedOut", false]);
  client.close();
});

test("posts, pushes and their handlers", async () => {
  const { sockets, client } = await open();
  const seen = [];
  client.on("refused", ({ errorId }) => seen.push(`refused ${errorId}`));
  client.on("unhandled", ({ cmd }) => seen.push(`unhandled ${cmd}`));
  client.on("error", ({ message }) => seen.push(message));
  client.on("error", () => {
    throw new Error("in vain");
  });
  assert.equal(client.post(1, bytes(1)), true);
  assert.notEqual(sockets.last.sent[0].flag, 0);
  sockets.answer({ errorId: 100 });
  sockets.arrive({ cmd: 3 });
  const off = client.on(3, () => {
    off();
    throw new Error("thrown");
  });
  client.on(3, async () => {
    throw new Error("rejected");
  });
  client.on(3, () => seen.push("handled"));
  sockets.arrive({ cmd: 3 });
  await pass();
  sockets.arrive({ cmd: 3 });
  await pass();
  const once = ["thrown", "handled", "rejected"];
  assert.deepEqual(seen, ["refused 100", "unhandled 3", ...once, "handled", "rejected"]);
  client.close();
});
