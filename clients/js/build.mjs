// Builds the package: node build.mjs
//
// dist/esm and dist/cjs get a file for each entry, with types; bundle/ gets all in one UMD file, minified.

import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const require = createRequire(import.meta.url);
const ENTRIES = { index: "src/index.ts", wechat: "src/wechat.ts", "messages/index": "src/messages/index.ts" };
const TARGET = { bundle: true, target: "es2017", charset: "utf8", logLevel: "warning" };
const SMALL = { ...TARGET, minify: true, mangleProps: /^_/, write: false };
const KIB = 1024;
/** The most bytes that each minified entry may take, compressed. */
const BUDGETS = { "src/index.ts": 4 * KIB, "src/wechat.ts": 1.5 * KIB, "src/umd.ts": 10 * KIB };

const BEFORE = `/* sysconn-client: MIT OR Apache-2.0 */
(function (root, factory) {
  if (typeof module === "object" && module.exports) factory(module);
  else if (typeof define === "function" && define.amd) define(["module"], factory);
  else { var module_ = { exports: {} }; factory(module_); root.sysconn = module_.exports; }
})(typeof self !== "undefined" ? self : this, function (module) {
`;

async function small(entry, format) {
  const { outputFiles } = await build({ ...SMALL, entryPoints: [entry], format });
  return outputFiles[0].text;
}

rmSync("dist", { recursive: true, force: true });
for (const format of ["esm", "cjs"])
  await build({ ...TARGET, entryPoints: ENTRIES, format, outdir: `dist/${format}` });
execFileSync(process.execPath, [require.resolve("typescript/bin/tsc"), "-p", "."], { stdio: "inherit" });
cpSync("dist/types", "dist/esm", { recursive: true });
cpSync("dist/types", "dist/cjs", { recursive: true });
rmSync("dist/types", { recursive: true });
writeFileSync("dist/cjs/package.json", '{ "type": "commonjs" }\n');

mkdirSync("bundle", { recursive: true });
writeFileSync("bundle/package.json", '{ "type": "commonjs" }\n');
writeFileSync("bundle/sysconn-client.js", `${BEFORE}${(await small("src/umd.ts", "cjs")).trim()}\n});\n`);

for (const [entry, most] of Object.entries(BUDGETS)) {
  const bytes = gzipSync(await small(entry, entry === "src/umd.ts" ? "cjs" : "esm"), { level: 9 }).length;
  console.log(`${entry}: ${bytes} bytes of ${most}, compressed`);
  if (bytes > most) process.exitCode = 1;
}
