// The rules in a page in headless Chromium: one page, three servers.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { once } from "node:events";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { judge, leave, SERVERS, stage } from "./harness.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "chromium";
const SCRIPTS = { "/sysconn-client.js": "bundle/sysconn-client.js", "/rules.js": "test/rules.js" };
const PAGE = `<!doctype html><script src="sysconn-client.js"></script><script src="rules.js"></script><script>
  const post = (path, body) => fetch(path, { method: "POST", body: JSON.stringify(body) });
  const visit = async ({ name, url }) => {
    const verdicts = [];
    const check = (rule, holds) => verdicts.push([rule, holds]);
    const control = (action) => post("control", { name, action });
    try {
      await rules({ sysconn, url, control, check, setTimeout: window.setTimeout.bind(window) });
    } catch (error) {
      check(String(error && error.stack), false);
    }
    await post("report", { name, verdicts });
  };
  fetch("servers").then((answer) => answer.json()).then((servers) => servers.forEach(visit));
</script>`;

/** Serves the page and its scripts; `reported` gets what it finds. */
async function serve(stages, reported) {
  const answers = {
    "/control": async ({ name, action }) => stages.find((stage) => stage.name === name).control(action),
    "/report": async (report) => reported(report),
  };
  const server = http.createServer(async (request, response) => {
    const path = request.url;
    if (answers[path]) {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      await answers[path](JSON.parse(Buffer.concat(chunks)));
      return response.end();
    }
    if (path === "/servers")
      return response.end(JSON.stringify(stages.map(({ name, url }) => ({ name, url }))));
    const script = SCRIPTS[path];
    response.setHeader("Content-Type", script ? "text/javascript" : "text/html; charset=utf-8");
    response.end(script ? readFileSync(script) : path === "/" ? PAGE : "");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

test("in Chromium", { concurrency: true }, async (context) => {
  const stages = await Promise.all(SERVERS.map(stage));
  const reports = [];
  let done;
  const all = new Promise((resolve) => (done = resolve));
  const server = await serve(stages, (report) => reports.push(report) === stages.length && done());
  const profile = mkdtempSync(join(tmpdir(), "sysconn-chromium-"));
  const quiet = ["background-networking", "component-update", "sync", "gpu", "quic", "dev-shm-usage"];
  const words = ["--headless", "--no-first-run", ...quiet.map((what) => `--disable-${what}`)];
  // The sandbox does not work for root, and the certificate is self-signed.
  words.push(
    "--no-sandbox",
    "--ignore-certificate-errors",
    "--no-proxy-server",
    `--user-data-dir=${profile}`,
  );
  const env = { ...process.env, HOME: profile };
  const url = `http://127.0.0.1:${server.address().port}/`;
  const browser = spawn(CHROMIUM, [...words, url], { stdio: "ignore", env, detached: true });
  let timer;
  try {
    await Promise.race([
      all,
      new Promise((_, reject) => (timer = setTimeout(reject, 90_000, new Error("no report")))),
    ]);
    for (const { name, verdicts } of reports)
      await judge(
        context,
        verdicts.map(([rule, holds]) => [`Chromium, ${name}: ${rule}`, holds]),
      );
  } finally {
    clearTimeout(timer);
    const ended = once(browser, "exit");
    process.kill(-browser.pid, "SIGKILL");
    await ended;
    server.closeAllConnections();
    server.close();
    await Promise.all(stages.map((stage) => stage.end()));
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    leave();
  }
});
