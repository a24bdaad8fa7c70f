// Writes the TypeScript of messages and commands: node generate.mjs DESCRIPTORS ROUTES FOLDER [CLIENT]
//
// DESCRIPTORS is a FileDescriptorSet, as proto/generate or protoc writes it, ROUTES the server's routes as JSON.
// FOLDER gets messages.ts, ts-proto's codecs, commands.ts, an object for each module, and the files of
// src/messages that these need. CLIENT is the module that has the client's types.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(import.meta.url);
const OPTIONS = [
  "forceLong=bigint",
  "bigIntLiteral=false",
  "esModuleInterop=true",
  "outputJsonMethods=false",
  "outputServices=none",
  "comments=true",
  "snakeToCamel=true",
  "enumsAsLiterals=true",
  "unrecognizedEnum=false",
  "noDefaultEnumsInUnions=true",
].join(",");

/** A varint at `at`, and where it ends. */
function varint(bytes, at) {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++];
    value += (byte & 127) * scale;
    if (byte < 128) return [value, at];
  }
}

/** The fields of an encoded protobuf message: [number, bytes] for those that have a length. */
function* fields(bytes) {
  for (let at = 0; at < bytes.length;) {
    const [tag, after] = varint(bytes, at);
    const [value, end] = varint(bytes, after);
    at = (tag & 7) === 2 ? end + value : end;
    if ((tag & 7) === 2) yield [tag >>> 3, bytes.subarray(end, at)];
  }
}

function field(number, content) {
  const head = [(number << 3) | 2];
  for (let size = content.length; ; size = Math.floor(size / 128)) {
    head.push(size < 128 ? size : (size & 127) | 128);
    if (size < 128) return Buffer.concat([Buffer.from(head), content]);
  }
}

const text = (bytes, number) => [...fields(bytes)].find(([found]) => found === number)?.[1].toString() ?? "";

/** What ts-proto makes of the files. */
function codecs(files) {
  // A plugin reads a CodeGeneratorRequest: file_to_generate = 1, parameter = 2, proto_file = 15.
  const own = files.filter((file) => text(file, 2) !== "google.protobuf");
  const request = [
    ...own.map((file) => field(1, Buffer.from(text(file, 1)))),
    field(2, Buffer.from(OPTIONS)),
    ...files.map((file) => field(15, file)),
  ];
  const plugin = require.resolve("ts-proto/protoc-gen-ts_proto");
  const answer = execFileSync(process.execPath, [plugin], {
    input: Buffer.concat(request),
    maxBuffer: 1 << 26,
  });
  // CodeGeneratorResponse: error = 1, file = 15 { name = 1, content = 15 }.
  const failure = text(answer, 1);
  if (failure) throw new Error(failure);
  const made = [...fields(answer)].filter(([number]) => number === 15).map(([, file]) => text(file, 15));
  if (made.length !== 1) throw new Error("the messages must be in one proto file");
  return made[0].replace('"@bufbuild/protobuf/wire"', '"./wire.js"');
}

/** What the comments of the proto files call messages: a line `cmd 1201 room.Join` above one. */
function* named(files) {
  // FileDescriptorProto: message_type = 4 { name = 1 },
  // source_code_info = 9 { location = 1 { path = 1, leading_comments = 3 } }.
  for (const file of files) {
    const messages = [...fields(file)]
      .filter(([number]) => number === 4)
      .map(([, message]) => text(message, 1));
    const info = [...fields(file)].find(([number]) => number === 9)?.[1] ?? Buffer.alloc(0);
    for (const [, location] of fields(info)) {
      const [kind, index, ...deeper] = [...fields(location)].find(([number]) => number === 1)?.[1] ?? [];
      const comment = text(location, 3).match(/^ ?cmd (\d+) (\w+)\.(\w+)$/m);
      if (kind !== 4 || deeper.length || !comment) continue;
      const [, cmd, module, name] = comment;
      yield { cmd: +cmd, module, name, message: messages[index] };
    }
  }
}

const snake = (name) => name.replace(/(?!^)[A-Z]/g, "_$&").toLowerCase();
const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
/** The width of a line of code. */
const WIDTH = 110;

/** The commands: the routes, and what the proto files know beyond them, the pushes. */
function commands(files, routes) {
  const messages = new Map();
  const all = new Map(routes.map((route) => [route.cmd, route]));
  for (const { cmd, module, name, message } of named(files)) {
    messages.set(`${module}.${name}`, camel(message));
    if (!all.has(cmd)) all.set(cmd, { cmd, module, name: snake(name), reply: `${module}.${name}` });
  }
  const modules = new Map();
  const used = new Set();
  const codecOf = (name) => {
    if (!name) return undefined;
    if (!messages.has(name)) throw new Error(`no message in the proto files is called ${name}`);
    used.add(messages.get(name));
    return messages.get(name);
  };
  for (const route of [...all.values()].sort((one, other) => one.cmd - other.cmd)) {
    const [request, reply] = [codecOf(route.request), codecOf(route.reply)];
    const parts = [`cmd: ${route.cmd}`];
    if (request) parts.push(`request: codec(${request})`);
    if (reply) parts.push(`reply: codec(${reply})`);
    const type = `Command<${request ? `Partial<${request}>` : "Uint8Array"}, ${reply ?? "Uint8Array"}>`;
    const about = route.access ? `For: ${route.access}.` : "A push.";
    let line = `  ${camel(route.name)}: { ${parts.join(", ")} } as ${type},\n`;
    if (line.length > WIDTH)
      line = `  ${camel(route.name)}: {\n${parts.map((part) => `    ${part},\n`).join("")}  } as ${type},\n`;
    line = `  /** ${route.cmd} \`${route.module}.${route.name}\`. ${about} */\n${line}`;
    modules.set(route.module, (modules.get(route.module) ?? "") + line);
  }
  const imports = [...used]
    .sort()
    .map((name) => `  ${name},\n`)
    .join("");
  const objects = [...modules]
    .map(([name, lines]) => `\nexport const ${camel(name)} = {\n${lines}};\n`)
    .join("");
  return `// @generated by generate.mjs from the routes and proto files; changes here are lost.

import type { Command } from "../types.js";
import { codec } from "./codec.js";
import {
${imports}} from "./messages.js";
${objects}`;
}

const [descriptors, routes, folder, client = "../types.js"] = process.argv.slice(2);
if (!folder) throw new Error("usage: node generate.mjs DESCRIPTORS ROUTES FOLDER [CLIENT]");
const files = [...fields(readFileSync(descriptors))].map(([, file]) => file);
const made = {
  "messages.ts": codecs(files),
  "commands.ts": commands(files, JSON.parse(readFileSync(routes, "utf8"))),
};
for (const name of ["codec.ts", "wire.ts", "utf8.ts"])
  made[name] = readFileSync(new URL(`src/messages/${name}`, import.meta.url), "utf8");
mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(made))
  writeFileSync(join(folder, name), text.replace('"../types.js"', `"${client}"`));
