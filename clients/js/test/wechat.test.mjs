// The adapter for WeChat, on a `wx` of the test's own.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "sysconn-client";
import { wechat } from "sysconn-client/wechat";
import { pass, reply } from "./fake.mjs";

/** A `wx` whose tasks and listeners the test can call. */
function made(names = ["onShow", "offShow", "onHide"]) {
  const tasks = [];
  const listeners = { Show: new Set(), Hide: new Set(), network: new Set() };
  const wx = {
    connectSocket(options) {
      const task = { options, sent: [], closed: undefined };
      for (const event of ["Open", "Message", "Close", "Error"])
        task[`on${event}`] = (listener) => (task[event] = listener);
      task.send = (packet) => task.sent.push(packet);
      task.close = (words) => (task.closed ??= words);
      tasks.push(task);
      return task;
    },
    onNetworkStatusChange: (listener) => listeners.network.add(listener),
    offNetworkStatusChange: (listener) => listeners.network.delete(listener),
  };
  for (const name of names) {
    const set = listeners[name.endsWith("Show") ? "Show" : "Hide"];
    wx[name] = (listener) => (name.startsWith("on") ? set.add(listener) : set.delete(listener));
  }
  const say = (event, value) => [...listeners[event]].forEach((listener) => listener(value));
  const client = new Client("wss://x/", { connector: wechat(wx), heartbeat: { command: 5, everyMs: 60000 } });
  return { wx, tasks, listeners, say, client };
}

for (const names of [
  ["onShow", "offShow", "onHide"],
  ["onAppShow", "offAppShow", "onAppHide"],
])
  test(`with ${names[0]}: a close with 1000 while hidden is a loss, and shown it comes back`, async () => {
    const { tasks, say, client, listeners } = made(names);
    const opening = client.connect();
    assert.deepEqual({ ...tasks[0].options, fail: 0 }, { url: "wss://x/", tcpNoDelay: true, fail: 0 });
    tasks[0].Open();
    await opening;
    say("Hide");
    tasks[0].Close({ code: 1000 });
    tasks[0].Error({ errMsg: "again" });
    assert.deepEqual([client.state, tasks.length], ["waiting", 1]);
    say("Show");
    assert.deepEqual([client.state, tasks.length], ["connecting", 2]);
    tasks[1].Open();
    // Shown, it is what it says.
    tasks[1].Close({ code: 1000 });
    assert.equal(client.state, "closed");
    assert.deepEqual([listeners.Show.size, listeners.network.size], [1, 0]);
  });

test("data, ends, and errors of a socket", async () => {
  const { tasks, say, client } = made([]);
  const opening = client.connect();
  tasks[0].options.fail({ errMsg: "no network" });
  assert.equal(client.state, "waiting");
  say("network", { isConnected: false });
  assert.equal(tasks.length, 1);
  say("network", { isConnected: true });
  tasks[1].Open();
  await opening;
  const call = client.call(7);
  assert.ok(tasks[1].sent[1].data instanceof ArrayBuffer);
  tasks[1].Message({ data: reply({ flag: 2, cmd: 7 }) });
  assert.equal((await call).length, 0);
  // What does not leave is a loss, and not a silence.
  const lost = client.call(8).then(assert.fail, (error) => error);
  tasks[1].sent[2].fail({});
  assert.equal((await lost).reason, "not sent");
  assert.ok(tasks[1].closed);
  await pass(2000);
  tasks[2].Open();
  client.close(3000, "bye");
  assert.deepEqual(tasks[2].closed, { code: 3000, reason: "bye" });
});

test("a socket that WeChat refuses at once is a loss", async () => {
  const { wx, client } = made([]);
  const { connectSocket } = wx;
  wx.connectSocket = (options) => {
    const task = connectSocket(options);
    options.fail({ errMsg: "too many" });
    return task;
  };
  client.connect().catch(() => {});
  await pass();
  assert.equal(client.state, "waiting");
  client.close();
});

test("what has no value is not handed to WeChat", async () => {
  const { tasks, client } = made([]);
  const opening = client.connect();
  tasks[0].Open();
  await opening;
  tasks[0].Error({});
  assert.deepEqual(tasks[0].closed, {});
  client.close();
});
