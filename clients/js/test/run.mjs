// Runs the tests in files of these names, or all: node run.mjs [NAME…]
//
// The last line is that of a Rust test program.

import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "node:test";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
process.chdir(dirname(folder));
const names = process.argv.slice(2);
const files = readdirSync(folder)
  .filter((file) => file.endsWith(".test.mjs"))
  .filter((file) => !names.length || names.includes(file.split(".")[0]))
  .map((file) => join(folder, file));
let [passed, failed] = [0, 0];
run({ files, concurrency: 2, timeout: 300_000 })
  .on("test:pass", ({ name, details, nesting }) => {
    // The files themselves are tests too.
    if (details.type === "suite" || (!nesting && files.some((file) => file.endsWith(name)))) return;
    passed++;
    console.log(`ok ${name} (${Math.round(details.duration_ms)} ms)`);
  })
  .on("test:fail", ({ name, details }) => {
    failed++;
    console.log(`FAILED ${name}`, details.error);
  })
  .on("test:diagnostic", ({ message }) => {
    if (!/^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(message)) console.log(message);
  })
  .on("test:stderr", ({ message }) => process.stdout.write(message))
  .on("test:stdout", ({ message }) => process.stdout.write(message))
  .on("end", () => {
    console.log(`test result: ${failed ? "FAILED" : "ok"}. ${passed} passed; ${failed} failed`);
    process.exitCode = failed || !passed ? 1 : 0;
  })
  .resume();
