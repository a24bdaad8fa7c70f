// Servers for the tests: the real program, with a relay before it that cuts and freezes connections.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import WebSocket from "ws";

export const PROGRAM = process.env.SYSCONN_PROGRAM ?? "../../target/release/sysconn";

/** The program on a free port, or on this one. */
export async function serve(args = [], port = 0) {
  const env = { ...process.env, SYSCONN_LISTEN: `127.0.0.1:${port}` };
  const child = spawn(PROGRAM, ["serve", "--diagnostics", ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (text) => (log += text));
  const ready = once(child.stdout, "data");
  const line = String(await Promise.race([ready, once(child, "exit").then(() => [log])]));
  const found = /:(\d+)\s*$/.exec(line);
  if (!found) throw new Error(`the program says: ${line}`);
  const stop = async (signal = "SIGTERM") => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  };
  return { port: +found[1], stop, log: () => log };
}

/** Passes connections on to a port. `cut` resets them, `freeze` lets no more bytes through. */
export async function relay(to) {
  const pairs = new Set();
  let accepted = 0;
  const listener = net.createServer((client) => {
    client.on("error", () => {});
    accepted++;
    const server = net.connect(to, "127.0.0.1");
    const pair = [client, server];
    pairs.add(pair);
    for (const [from, into] of [pair, [server, client]]) {
      from.on("error", () => {});
      from.on("close", () => {
        into.destroy();
        pairs.delete(pair);
      });
      from.pipe(into);
    }
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const cutSome = (share) => {
    for (const pair of [...pairs]) if (Math.random() < share) pair[0].resetAndDestroy();
  };
  return {
    port: listener.address().port,
    cut: () => cutSome(1),
    cutSome,
    freeze() {
      for (const [client, server] of pairs) {
        client.unpipe(server);
        server.unpipe(client);
        // Read on, so that the ends see no pressure, and throw it away.
        client.resume();
        server.resume();
      }
    },
    /** How many connections it has taken. */
    accepted: () => accepted,
    close() {
      cutSome(1);
      listener.close();
    },
  };
}

/** Arguments that make the program speak TLS, with a certificate of its own. */
export function tls() {
  const folder = mkdtempSync(join(tmpdir(), "sysconn-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const [certificate, key] = ["certificate.pem", "key.pem"].map((name) => join(folder, name));
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", ["req", ...kind, ...names, "-out", certificate, "-keyout", key], {
    stdio: "ignore",
  });
  return ["--tls-cert", certificate, "--tls-key", key];
}

/** The servers that the rules are tried against: a name, the scheme of the URL, and arguments. */
export const SERVERS = [
  ["plain", "ws", () => ["--drain-rate", "1000"]],
  ["TLS", "wss", tls],
  ["deflate", "ws", () => ["--deflate", "shared", "--deflate-above", "0", "--compress-above", "1"]],
];

/** A server with a relay before it, and what the rules do to them. */
export async function stage([name, scheme, args]) {
  const words = args();
  let server = await serve(words);
  const before = await relay(server.port);
  const control = async (action) => {
    if (action !== "restart") return before[action]();
    await server.stop();
    server = await serve(words, server.port);
  };
  const end = async () => {
    before.close();
    await server.stop();
  };
  return { name, url: `${scheme}://127.0.0.1:${before.port}/`, control, end, log: () => server.log() };
}

/** To be called last. After connections were reset, Node 20 can stay in its own cleanup for ever (in
 * `Environment::CleanupHandles`); a process that is told to exit leaves that out. */
export const leave = () => process.on("exit", () => process.exit());

/** Waits for all, and then throws what the first of them has thrown. */
export async function together(promises) {
  for (const { reason } of await Promise.allSettled(promises)) if (reason) throw reason;
}

/** Makes cases of the names and verdicts of some rules. */
export async function judge(context, verdicts, log = () => "") {
  if (!verdicts.length) throw new Error(`no rule was tried: ${log()}`);
  for (const [rule, holds] of verdicts)
    await context.test(rule, () => {
      if (!holds) throw new Error(`it does not hold; the server says: ${log()}`);
    });
}

/** The connector for Node. One message in a turn, as in browsers, so that a stream's reader keeps up. */
export const connector = (url, protocols) =>
  new WebSocket(url, protocols, { rejectUnauthorized: false, allowSynchronousEvents: false });
