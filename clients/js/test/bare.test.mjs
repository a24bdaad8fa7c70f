// The bundle in a runtime that has nothing but the language, as mini-games: no text classes, no eval, no timers
// but those given, and WeChat's sockets.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";
import { connector, judge, leave, SERVERS, stage, together } from "./harness.mjs";

/** WeChat's `wx.connectSocket`, over npm's ws. */
function connectSocket({ url, protocols, tcpNoDelay }) {
  assert.equal(tcpNoDelay, true);
  assert.equal(protocols, undefined);
  const socket = connector(url);
  socket.binaryType = "arraybuffer";
  return {
    onOpen: (listener) => (socket.onopen = () => listener({})),
    onMessage: (listener) => (socket.onmessage = ({ data }) => listener({ data })),
    onClose: (listener) => (socket.onclose = ({ code, reason }) => listener({ code, reason })),
    onError: (listener) => (socket.onerror = ({ message }) => listener({ errMsg: message })),
    send({ data, fail }) {
      assert.equal(Object.prototype.toString.call(data), "[object ArrayBuffer]");
      if (socket.readyState === 1) socket.send(data);
      else fail({});
    },
    close: ({ code, reason }) => socket.close(code, reason),
  };
}

function bare(globals) {
  const context = vm.createContext({ ...globals }, { codeGeneration: { strings: false, wasm: false } });
  for (const file of ["bundle/sysconn-client.js", "test/rules.js"])
    vm.runInContext(readFileSync(file, "utf8"), context, { filename: file });
  assert.throws(() => vm.runInContext('eval("1")', context), { name: "EvalError" });
  assert.equal(
    vm.runInContext("typeof TextEncoder + typeof TextDecoder + typeof WebSocket", context),
    "undefined".repeat(3),
  );
  return context;
}

test("in a bare runtime", { concurrency: true }, async (context) => {
  const visit = async (server) => {
    const { name, url, control, end, log } = await stage(server);
    const verdicts = [];
    const check = (rule, holds) => verdicts.push([`bare, ${name}: ${rule}`, holds]);
    const timers = { setTimeout: (f, ms) => setTimeout(f, ms), clearTimeout: (timer) => clearTimeout(timer) };
    try {
      const runtime = bare({ ...timers, given: { wx: { connectSocket }, url, control, check } });
      await vm.runInContext(
        "rules({ ...given, sysconn, setTimeout, connector: sysconn.wechat(given.wx) })",
        runtime,
      );
      await judge(context, verdicts, log);
    } finally {
      await end();
    }
  };
  // Inflating is up to the game there, so without --compress-above.
  const servers = SERVERS.map(([name, scheme, args]) => [name, scheme, () => args().filter((_, i) => i < 4)]);
  await together(servers.map(visit)).finally(leave);
});
