// A driver for `sysconn referee`, as docs/referee.md describes it: node driver.mjs PORT

import WebSocket from "ws";
import { Client, Ended, Refused, TimedOut } from "sysconn-client";
import { connector } from "./harness.mjs";

const bytes = (hex) => new Uint8Array(Buffer.from(hex ?? "", "hex"));
const hex = (data) => Buffer.from(data).toString("hex");

/** Lets the referee of this port judge the client. Resolves when all cases are done. */
export function drive(port) {
  const control = new WebSocket(`ws://127.0.0.1:${port}/control`);
  const report = (event, fields) => control.send(JSON.stringify({ event, ...fields }));
  let client;
  const streams = new Map();

  // What follows from the end of a client that was thrown away is not reported.
  const current = (mine) => mine === client;
  const fail = (id, mine) => (error) => {
    if (!current(mine)) return;
    if (error instanceof Refused) report("refused", { id, error: error.errorId });
    else if (error instanceof Ended) {
      const { code, reason, advice, mayHaveRun } = error;
      report("ended", { id, code, reason, advice, mayHaveRun });
    } else if (error instanceof TimedOut || /can't be read/.test(error.message)) report("timeout", { id });
    else throw error;
  };
  const read = async (id, stream, mine) => {
    try {
      for await (const data of stream) report("reply", { id, data: hex(data) });
      if (current(mine) && streams.get(id) === stream) report("timeout", { id });
    } catch (error) {
      fail(id, mine)(error);
    }
  };

  const commands = {
    connect({ url, firstMs, maxMs, idleMs, connectTimeoutMs, heartbeatMs, lastFlag, login }) {
      client = new Client(url, {
        connector,
        backoff: { firstMs, maxMs },
        idleMs,
        connectTimeoutMs,
        heartbeat: { command: 1044, everyMs: heartbeatMs },
        login: login ? () => ({ command: login.cmd, message: bytes(login.data) }) : undefined,
      });
      Object.values(client).find((part) => part && "_last" in part)._last = lastFlag;
      const mine = client;
      client.on("unhandled", ({ cmd, data }) => report("push", { cmd, data: hex(data) }));
      client.on("state", (state) => {
        // Behind the calls that end with the connection, whose promises call back later.
        if (state === "open" || state === "closed") setImmediate(() => current(mine) && report(state));
      });
      client.connect().catch(() => {});
    },
    call({ id, cmd, data, timeoutMs, offline }) {
      const answered = (reply) => report("reply", { id, data: hex(reply) });
      client.call(cmd, bytes(data), { timeoutMs, offline }).then(answered, fail(id, client));
    },
    stream({ id, cmd, data, timeoutMs }) {
      const stream = client.stream(cmd, bytes(data), { timeoutMs });
      streams.set(id, stream);
      read(id, stream, client);
    },
    stop({ id }) {
      const stream = streams.get(id);
      streams.delete(id);
      stream.return();
    },
    post: ({ cmd, data }) => client.post(cmd, bytes(data)),
    // What the referee has sent before on the client's own socket is to come first.
    wake: () => setImmediate(() => setImmediate(() => client.wake())),
    close: () => client.close(),
    end() {
      const old = client;
      client = undefined;
      if (old) old.close();
      report("done");
    },
  };

  return new Promise((resolve, reject) => {
    control.on("open", () => report("hello", { name: "sysconn-client", skip: [] }));
    control.on("message", (text) => {
      const { do: what, ...fields } = JSON.parse(text);
      commands[what](fields);
    });
    control.on("close", resolve);
    control.on("error", reject);
  });
}

if (process.argv[2]) await drive(+process.argv[2]);
