// What an application or its connector does wrong, and handlers that act at once, on sockets and a clock of the
// test's own: the client goes on, and every call ends.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fails, made, open, pass } from "./fake.mjs";

const patient = { timeoutMs: 0 };
const thrower = (message) => () => {
  throw new Error(message);
};
const cmds = (socket) => socket.sent.map(({ cmd }) => cmd);

test("options that throw: the client goes on as without them", async () => {
  for (const name of ["advice", "log"]) {
    const { sockets, client } = await open({ [name]: thrower(name) });
    const errors = [];
    client.on("error", ({ message }) => errors.push(message));
    const call = fails(client.call(7, undefined, patient));
    sockets.end(1001);
    assert.equal((await call).code, 1001, name);
    await pass(1000);
    assert.equal(client.state, "connecting", name);
    assert.deepEqual(errors, name === "advice" ? ["advice"] : []);
    client.close();
  }
});

test("without a WebSocket and without a connector it fails at once", async () => {
  const own = globalThis.WebSocket;
  delete globalThis.WebSocket;
  try {
    const { client, states } = made({ connector: undefined });
    for (let attempt = 0; attempt < 2; attempt++) {
      const { message } = await fails(client.connect());
      assert.equal(message, "no WebSocket here: needs the option connector");
      await pass(60_000);
      assert.deepEqual([client.state, states], ["closed", []]);
    }
    assert.equal((await fails(client.call(1))).message, "ended: 0 not connected");
    const { connector } = made().sockets;
    globalThis.WebSocket = function (url, protocols) {
      return connector(url, protocols);
    };
    client.connect().catch(() => {});
    assert.equal(client.state, "connecting");
    client.close();
  } finally {
    delete globalThis.WebSocket;
    if (own) globalThis.WebSocket = own;
  }
});

test("a login that is none is tried again", async () => {
  const logins = [() => undefined, () => ({}), thrower("mine"), () => ({ command: 2, message: {} })];
  for (const login of logins) {
    const { sockets, client } = made({ login });
    const errors = [];
    client.on("error", (error) => errors.push(error));
    const opening = fails(client.connect());
    sockets.open();
    await pass();
    assert.deepEqual([client.state, errors.length], ["waiting", 1], String(login));
    client.close();
    await opening;
  }
});

test("a request that can't be encoded fails at once, and stops no other", async () => {
  const { sockets, client } = made();
  client.connect().catch(() => {});
  const data = new Uint8Array([1]);
  const first = client.call(1, data, patient);
  const bad = fails(client.call(2, {}, patient));
  const streamed = fails(client.stream(3, {}).next());
  const last = client.call(4, undefined, patient);
  // What waits is what it was when it was handed over.
  data[0] = 9;
  assert.ok((await bad) instanceof Error);
  assert.ok((await streamed) instanceof Error);
  sockets.open();
  assert.deepEqual(cmds(sockets.last), [1, 4]);
  assert.deepEqual([...sockets.last.sent[0].data], [1]);
  for (const [i, cmd] of [1, 4].entries()) sockets.arrive({ flag: i + 1, cmd });
  await Promise.all([first, last]);
  client.close();
});

test("a socket that fails while calls leave is a loss, and never open", async () => {
  const failures = [thrower("full"), (socket) => socket.onclose({ code: 1006, reason: "" })];
  for (const failure of failures) {
    const { sockets, client, states } = made();
    const opening = client.connect();
    const controller = new AbortController();
    const [left, aborted, waits] = [
      fails(client.call(1, undefined, patient)),
      fails(client.call(2, undefined, { ...patient, signal: controller.signal })),
      client.call(3, undefined, patient),
    ];
    const off = client.on("state", (state) => state === "waiting" && controller.abort());
    const socket = sockets.last;
    socket.send = () => failure(socket);
    sockets.open();
    assert.deepEqual(states, ["connecting", "login", "waiting"]);
    assert.equal((await left).mayHaveRun, true);
    assert.equal((await aborted).name, "AbortError");
    off();
    await pass(1000);
    sockets.open();
    await opening;
    assert.deepEqual(cmds(sockets.last), [3]);
    sockets.answer();
    await waits;
    sockets.last.send = () => failure(sockets.last);
    assert.equal(client.post(5), false);
    assert.equal(client.state, "waiting");
    client.close();
  }
});

test("a call that waits ends when the client is closed while others leave", async () => {
  const { sockets, client } = made();
  client.connect().catch(() => {});
  const calls = [1, 2].map((cmd) => fails(client.call(cmd, undefined, patient)));
  client.on("state", (state) => state === "waiting" && client.close());
  const socket = sockets.last;
  socket.send = () => socket.onclose({ code: 1006, reason: "" });
  sockets.open();
  assert.deepEqual(
    (await Promise.all(calls)).map(({ mayHaveRun }) => mayHaveRun),
    [true, false],
  );
});

test("a connector may answer at once", async () => {
  const { sockets, client } = made({ login: () => ({ command: 2 }), heartbeat: { command: 5, everyMs: 1000 } });
  const opening = client.connect();
  const socket = sockets.last;
  const { send } = socket;
  socket.send = (data) => {
    send(data);
    sockets.answer();
  };
  sockets.open();
  await pass();
  await opening;
  assert.equal((await client.call(7)).length, 0);
  const stream = client.stream(8);
  await stream.next();
  await stream.return();
  assert.deepEqual([client.rttMs, cmds(socket)], [0, [2, 5, 7, 8]]);
  client.close();
});

test("a socket that refuses a close code is closed all the same", async () => {
  const { sockets, client, states } = await open();
  const { last } = sockets;
  last.close = (...words) => {
    last.closed = words;
    if (words[0] === 1001) throw new RangeError("1001");
  };
  assert.throws(() => client.close(1001), RangeError);
  assert.deepEqual([last.closed, client.state, states.pop()], [[], "closed", "closed"]);
  const other = await open();
  other.sockets.last.terminate = thrower("gone");
  other.sockets.end(1006);
  assert.equal(other.client.state, "waiting");
  other.client.close();
});

test("a socket is closed before a handler can open the next", async () => {
  const { sockets, client } = await open();
  const [old] = sockets.all;
  let closed;
  const off = client.on("state", () => {
    off();
    closed = old.closed;
    client.connect().catch(() => {});
  });
  client.close();
  assert.deepEqual([closed?.[0], sockets.all.length], [1000, 2]);
  client.close();
});

test("handlers are apart, and what ends one ends it at once", async () => {
  const { sockets, client } = await open();
  const seen = [];
  const same = () => seen.push("same");
  const off = client.on("unhandled", same);
  client.on("unhandled", same);
  off();
  off();
  sockets.arrive({ cmd: 1 });
  client.on(2, () => offSecond());
  const offSecond = client.on(2, () => seen.push("removed"));
  sockets.arrive({ cmd: 2 });
  assert.deepEqual(seen, ["same"]);
  client.close();
});

test("each handler sees the states in their order", async () => {
  const { sockets, client } = made();
  client.on("state", (state) => state === "waiting" && client.close());
  const seen = [];
  client.on("state", (state) => seen.push(state));
  const opening = fails(client.connect());
  sockets.end(1006);
  assert.equal((await opening).code, 1000);
  assert.deepEqual(seen, ["connecting", "waiting", "closed"]);
});

test("connect resolves only for the connection that is open", async () => {
  const { sockets, client } = made();
  let resolved = false;
  const off = client.on("state", (state) => {
    if (state !== "open") return;
    off();
    client.close();
    client.connect().then(() => (resolved = true));
  });
  const opening = fails(client.connect());
  sockets.open();
  assert.equal((await opening).code, 1000);
  await pass();
  assert.deepEqual([resolved, client.state], [false, "connecting"]);
  sockets.open();
  await pass();
  assert.equal(resolved, true);
  client.close();
});

test("what a handler of a refused login does takes effect", async () => {
  for (const act of ["close", "connect"]) {
    const { sockets, client } = made({ login: () => ({ command: 2 }) });
    let again;
    client.on("refused", () => (again ??= client[act]()));
    const opening = fails(client.connect());
    sockets.open();
    await pass();
    sockets.answer({ errorId: 7 });
    assert.equal((await opening).errorId, 7, act);
    assert.equal(client.state, act === "close" ? "closed" : "connecting");
    if (act === "close") continue;
    sockets.open();
    await pass();
    sockets.answer();
    await again;
    client.close();
  }
});

test("a stream waits for its first reply from when it has left", async () => {
  const { sockets, client } = await open({ timeoutMs: 2000 });
  sockets.end(1006);
  const first = client.stream(1).next();
  await pass(1000);
  sockets.open();
  await pass(1500);
  sockets.answer({ data: new Uint8Array([3]) });
  assert.deepEqual([...(await first).value], [3]);
  client.close();
});
