// The referee's verdict: each of its cases passes.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { drive } from "./driver.mjs";
import { PROGRAM } from "./harness.mjs";

test("the referee finds nothing", async () => {
  const words = ["referee", "--json", "--listen", "127.0.0.1:0"];
  const referee = spawn(PROGRAM, words, { stdio: ["ignore", "pipe", "ignore"] });
  let output = "";
  referee.stdout.on("data", (text) => (output += text));
  const ended = once(referee, "exit");
  await once(referee.stdout, "data");
  await drive(+/:(\d+)\n/.exec(output)[1]);
  const [status] = await ended;
  assert.equal(status, 0, output);
});
