// The rules in Node, against the real server: plain, over TLS, and with compression of both kinds.

import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as core from "sysconn-client";
import * as messages from "sysconn-client/messages";
import { connector, judge, leave, SERVERS, stage, together } from "./harness.mjs";

const script = { exports: {} };
new Function("module", readFileSync("test/rules.js", "utf8"))(script);
const sysconn = { ...core, messages };

test("in Node", { concurrency: true }, async (context) => {
  const visit = async (server) => {
    const { name, url, control, end, log } = await stage(server);
    const verdicts = [];
    const check = (rule, holds) => verdicts.push([`Node, ${name}: ${rule}`, holds]);
    try {
      await script.exports.rules({ sysconn, url, connector, control, check, setTimeout });
      await judge(context, verdicts, log);
    } finally {
      await end();
    }
  };
  await together(SERVERS.map(visit)).finally(leave);
});
