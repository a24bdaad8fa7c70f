// The examples in README.md and docs/clients.md: they compile, and the page does what it says.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once, EventEmitter } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import vm from "node:vm";
import WebSocket from "ws";
import { serve } from "./harness.mjs";

const ROOT = process.env.SYSCONN_ROOT ?? "../..";
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
/** What a game has around the examples. */
const GIVEN = `
declare const token: string;
declare const wx: import("sysconn-client/wechat").Wx;
declare function show(roleId: bigint, text: string): void;
declare function indicate(state: "closed" | "connecting" | "login" | "open" | "waiting"): void;
`;

function blocks(file, language) {
  const all = readFileSync(file, "utf8").matchAll(/^```(\w+)\n(.*?)^```$/gms);
  return [...all].filter((found) => found[1] === language).map((found) => found[2]);
}

test("the examples of README.md compile", () => {
  const examples = blocks("README.md", "ts");
  assert.equal(examples.length, 3);
  const folder = mkdtempSync("examples-");
  const write = (name, text) => writeFileSync(join(folder, name), text);
  try {
    write("given.d.ts", `${GIVEN}declare module "ws";\n`);
    examples.forEach((text, i) => write(`${i}.ts`, text));
    const words = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext"];
    const files = ["given.d.ts", ...examples.map((_, i) => `${i}.ts`)].map((name) => join(folder, name));
    execFileSync(process.execPath, [tsc, ...words, "--types", "node", ...files], { stdio: "inherit" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Runs the scripts of a page, with this in place of the browser's console. */
function visit(page, log) {
  const { setTimeout, clearTimeout } = globalThis;
  const context = vm.createContext({ WebSocket, setTimeout, clearTimeout, console: { log } });
  assert.match(page, /src="sysconn-client.js"/);
  vm.runInContext(readFileSync("bundle/sysconn-client.js", "utf8"), context);
  vm.runInContext(/<script>(.*)<\/script>/s.exec(page)[1], context);
  return (code) => vm.runInContext(code, context);
}

test("the page of README.md finds the client", () => {
  const [page] = blocks("README.md", "html");
  assert.equal(visit(page)("typeof Client + typeof messages.room.join"), "functionobject");
});

test("the page of docs/clients.md logs in, joins a room and talks", async () => {
  const server = await serve();
  const [page] = blocks(join(ROOT, "docs", "clients.md"), "html");
  const lines = new EventEmitter();
  const run = visit(page.replace(":9001/", `:${server.port}/`), (line) => lines.emit("line", line));
  assert.deepEqual(await once(lines, "line"), ["7: hello"]);
  run("client.close()");
  await server.stop();
});
