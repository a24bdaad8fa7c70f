// Heartbeats, silence, and wake-ups, on sockets and a clock of the test's own.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { mock, test } from "node:test";
import { Client } from "sysconn-client";
import { open, pass, Sockets } from "./fake.mjs";

test("silence and an unanswered wake are losses", async () => {
  const { sockets, client } = await open({ heartbeat: { command: 5, everyMs: 20000 }, idleMs: 30000 });
  assert.deepEqual(
    sockets.last.sent.map(({ cmd }) => cmd),
    [5],
  );
  await pass(200);
  sockets.answer();
  assert.equal(client.rttMs, 200);
  await pass(20000);
  assert.equal(sockets.last.sent.length, 2);
  // Unanswered, there is no other; a push is a sign of life.
  sockets.arrive({ cmd: 9 });
  await pass(29999);
  assert.deepEqual([client.state, sockets.last.sent.length], ["open", 2]);
  await pass(1);
  assert.deepEqual([client.state, sockets.all.length], ["waiting", 1]);
  client.wake();
  assert.equal(sockets.all.length, 2);
  sockets.open();
  sockets.answer();
  client.wake();
  assert.equal(sockets.last.sent.length, 2);
  await pass(2999);
  sockets.answer();
  await pass(1);
  assert.equal(client.state, "open");
  client.wake();
  await pass(2000);
  // Another one does not give it more time.
  client.wake();
  await pass(1000);
  assert.equal(client.state, "waiting");
  client.close();
});

test("a page that is visible or online again wakes the client, until it is closed", async () => {
  const page = { document: new EventTarget(), self: new EventTarget() };
  const sockets = new Sockets();
  const WebSocket = function (url, protocols) {
    return sockets.connector(url, protocols);
  };
  Object.assign(globalThis, page, { WebSocket });
  try {
    const client = new Client("ws://x/");
    const opening = client.connect();
    sockets.open();
    await opening;
    sockets.answer();
    const beats = () => sockets.last.sent.length;
    const turn = (visibilityState) => {
      Object.assign(page.document, { visibilityState }).dispatchEvent(new Event("visibilitychange"));
      return beats();
    };
    assert.deepEqual([turn("hidden"), turn("visible")], [1, 2]);
    sockets.answer();
    page.self.dispatchEvent(new Event("online"));
    assert.equal(beats(), 3);
    await pass(3000);
    assert.equal(client.state, "waiting");
    page.self.dispatchEvent(new Event("online"));
    assert.equal(client.state, "connecting");
    client.close();
    const left = [getEventListeners(page.self, "online"), getEventListeners(page.document, "visibilitychange")];
    assert.deepEqual(left, [[], []]);
  } finally {
    for (const name of ["document", "self", "WebSocket"]) delete globalThis[name];
  }
});

test("silence is not measured by the date, which can be set", async () => {
  for (const step of [-3_600_000, 3_600_000]) {
    const { sockets, client } = await open({ idleMs: 30000 });
    const { now } = Date;
    const date = mock.method(Date, "now", () => now.call(Date) + step);
    await pass(29999);
    assert.equal(client.state, "open");
    await pass(1);
    assert.equal(client.state, "waiting");
    date.mock.restore();
    assert.equal(sockets.all.length, 1);
    client.close();
  }
});

test("an error without an end is a loss", async () => {
  const { sockets, client, states } = await open();
  sockets.last.onerror({});
  await pass(500);
  sockets.end(4010);
  assert.equal(client.state, "closed");
  await (client.connect(), sockets.open());
  sockets.last.onerror({});
  await pass(1000);
  assert.deepEqual([client.state, states.pop()], ["waiting", "waiting"]);
  client.close();
});

test("heartbeats after a wake only", async () => {
  const { sockets, client } = await open({ heartbeat: { command: 5, everyMs: 0 } });
  await pass(1e6);
  assert.deepEqual(sockets.last.sent, []);
  client.wake();
  assert.deepEqual(
    sockets.last.sent.map(({ cmd }) => cmd),
    [5],
  );
  await pass(3000);
  assert.equal(client.state, "waiting");
  client.close();
});

test("without a heartbeat there is no silence", async () => {
  const { sockets, client } = await open();
  await pass(1e6);
  client.wake();
  await pass(1e6);
  assert.deepEqual([client.state, sockets.last.sent.length], ["open", 0]);
  client.close();
});

test("the server's clock is that of the heartbeat", async () => {
  const { sockets, client } = await open({ heartbeat: undefined });
  await pass(100);
  // 1,700,000,000,000 as a varint.
  const time = [8, 0x80, 0xd0, 0x95, 0xff, 0xbc, 0x31];
  sockets.answer({ data: new Uint8Array(time) });
  assert.deepEqual([client.rttMs, client.serverNow()], [100, 1_700_000_000_050]);
  // A later version may have more fields.
  await pass(24900);
  await pass(50);
  sockets.answer({ data: new Uint8Array([...time, 16, 1]) });
  assert.deepEqual([client.rttMs, client.serverNow()], [50, 1_700_000_000_025]);
  client.close();
});

test("a heartbeat whose answer can't be read was answered", async () => {
  const { sockets, client } = await open({ heartbeat: { command: 5, everyMs: 1000 } });
  for (const packet of [{ status: 2, data: new Uint8Array(1) }, { errorId: 5 }, {}]) {
    const { length } = sockets.last.sent;
    sockets.answer(packet);
    await pass(1000);
    assert.equal(sockets.last.sent.length, length + 1);
  }
  client.close();
});
