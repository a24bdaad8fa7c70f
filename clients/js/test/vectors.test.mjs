// The golden vectors, encoded and decoded apart.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { inflateSync } from "node:zlib";
import { adviceOf, decodeReply, encodeRequest } from "sysconn-client";
import * as messages from "sysconn-client/messages";

const ROOT = process.env.SYSCONN_ROOT ?? "../..";
const read = (name) => JSON.parse(readFileSync(`${ROOT}/clients/vectors/${name}.json`, "utf8"));
const bytes = (text) =>
  typeof text === "number"
    ? Uint8Array.from({ length: text }, (_, i) => i % 251)
    : new Uint8Array(Buffer.from(text, "hex"));
const hex = (data) => Buffer.from(data).toString("hex");
const join = ({ header, data }) => new Uint8Array(Buffer.concat([bytes(header), bytes(data)]));

test("requests are encoded", () => {
  const requests = read("packets").filter(({ to, encodes }) => to === "server" && encodes);
  assert.ok(requests.length > 15);
  for (const vector of requests) {
    const { cmd, flag, status, data, name } = vector;
    assert.equal(hex(encodeRequest(cmd, flag, bytes(data), status)), hex(join(vector)), name);
  }
});

test("replies are decoded", () => {
  const replies = read("packets").filter(({ to }) => to === "client");
  assert.ok(replies.length > 35);
  for (const vector of replies) {
    const { error_id: errorId, status, flag, cmd, data, fault, name } = vector;
    const message = join(vector);
    // A view into a longer buffer, too.
    const shifted = new Uint8Array([1, 2, 3, ...message]).subarray(3);
    for (const form of [message, message.buffer, shifted]) {
      const packet = decodeReply(form);
      if (fault) assert.equal(packet, undefined, name);
      else {
        assert.equal(hex(packet.data), hex(bytes(data)), name);
        assert.deepEqual({ ...packet, data: 0 }, { errorId, status, flag, cmd, data: 0 }, name);
      }
    }
    if (vector.inflated) assert.equal(hex(inflateSync(bytes(data))), hex(bytes(vector.inflated)), name);
  }
});

test("messages are encoded and decoded", () => {
  const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
  const vectors = read("messages");
  assert.ok(vectors.length > 15);
  for (const { message, fields, bytes: encoded } of vectors) {
    const codec = messages[camel(message)];
    const typed = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        camel(name),
        /^(role_id|server_time_ms)$/.test(name) ? BigInt(value) : value,
      ]),
    );
    assert.equal(hex(codec.encode(typed).finish()), encoded, message);
    assert.deepEqual(codec.decode(bytes(encoded)), typed, message);
  }
});

test("each close code has its advice", () => {
  const vectors = read("advice");
  assert.ok(vectors.length > 20);
  for (const { code, advice } of vectors) assert.equal(adviceOf(code), advice, String(code));
});

test("tokens are signed as docs/tokens.md says", () => {
  const vectors = read("tokens");
  assert.ok(vectors.length > 3);
  for (const { key, token, ...login } of vectors) {
    const { expires, account, platform, zone_id, role_id, kind, custodian, custodian_role_id } = login;
    const fields = [expires, account, platform, zone_id, role_id, kind, custodian, custodian_role_id];
    const mac = createHmac("sha256", bytes(key));
    for (const field of ["sysconn login", ...fields].map(String))
      mac.update(`${Buffer.byteLength(field)}:${field},`);
    assert.equal(`1.${expires}.${mac.digest("hex")}`, token);
  }
});

test("the commands are the routes", () => {
  const routes = JSON.parse(readFileSync("routes.json", "utf8"));
  for (const { cmd, module, name } of routes) {
    const camel = name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
    assert.equal(messages[module][camel].cmd, cmd);
  }
});

test("the package loads as CommonJS too", () => {
  const require = createRequire(import.meta.url);
  assert.equal(typeof require("sysconn-client").Client, "function");
  assert.equal(typeof require("sysconn-client/wechat").wechat, "function");
  assert.equal(require("sysconn-client/messages").room.said.cmd, 1210);
  assert.equal(require("../bundle/sysconn-client.js").messages.room.said.cmd, 1210);
});
