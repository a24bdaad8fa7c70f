// The TypeScript of a game's own commands, beside the package, as README.md says.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

const require = createRequire(import.meta.url);
// They come with ts-proto.
const theirs = createRequire(require.resolve("ts-proto/protoc-gen-ts_proto"));
const { create, toBinary } = theirs("@bufbuild/protobuf");
const { FileDescriptorSetSchema } = theirs("@bufbuild/protobuf/wkt");

/** A file with one message, command 2001, whose field 1 is a text and field 2 a 64-bit number. */
const FILE = {
  name: "game.proto",
  syntax: "proto3",
  messageType: [
    {
      name: "Join",
      field: [
        { name: "room_name", number: 1, type: 9, label: 1, jsonName: "roomName" },
        { name: "role", number: 2, type: 4, label: 1, jsonName: "role" },
      ],
    },
  ],
  sourceCodeInfo: { location: [{ path: [4, 0], span: [0, 0, 1], leadingComments: " cmd 2001 room.Join\n" }] },
};
const ROUTES = [
  { cmd: 2001, module: "room", name: "join", access: "role", request: "room.Join", reply: "room.Join" },
];
const USE = `
import { Client } from "sysconn-client";
import { room } from "./commands.js";
const client = new Client("ws://x/");
export const role: Promise<bigint> = client.call(room.join, { roomName: "hall" }).then(({ role }) => role);
// @ts-expect-error: there is no such field.
client.call(room.join, { roomNumber: 1 });
`;

test("the commands of a game compile beside the package", () => {
  const folder = mkdtempSync("game-");
  const [descriptors, routes, sources] = ["game.bin", "routes.json", "src"].map((name) => join(folder, name));
  const node = (...words) => execFileSync(process.execPath, words, { stdio: "inherit" });
  try {
    const set = create(FileDescriptorSetSchema, { file: [FILE] });
    writeFileSync(descriptors, toBinary(FileDescriptorSetSchema, set));
    writeFileSync(routes, JSON.stringify(ROUTES));
    node("generate.mjs", descriptors, routes, sources, "sysconn-client");
    writeFileSync(join(sources, "use.ts"), USE);
    const words = ["--noEmit", "--strict", "--target", "es2020", "--lib", "es2020,dom", "--module", "nodenext"];
    const tsc = require.resolve("typescript/bin/tsc");
    node(tsc, ...words, "--types", "node", join(sources, "use.ts"));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
