// The types, as an application sees them.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { test } from "node:test";

const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");

test("commands are typed", () => {
  const words = ["--noEmit", "--strict", "--target", "es2020", "--lib", "es2020,dom", "--module", "nodenext"];
  execFileSync(process.execPath, [tsc, ...words, "--types", "node", "test/types.ts"], { stdio: "inherit" });
});
