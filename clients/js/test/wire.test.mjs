// The reader and writer of protobuf, and UTF-8, against those that have what mini-games lack.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { build } from "esbuild";

// It comes with ts-proto.
const require = createRequire(createRequire(import.meta.url).resolve("ts-proto/protoc-gen-ts_proto"));
const theirs = require("@bufbuild/protobuf/wire");
const source = 'export * from "./src/messages/wire.ts"; export * from "./src/messages/utf8.ts";';
const stdin = { contents: source, resolveDir: process.cwd() };
const { outputFiles } = await build({ stdin, bundle: true, write: false, format: "esm", target: "es2017" });
const url = `data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`;
const { BinaryReader, BinaryWriter, decodeUtf8, encodeUtf8 } = await import(url);

const BIG = [0n, 1n, 127n, 128n, (1n << 28n) - 1n, 1n << 28n, (1n << 53n) + 1n, 1n << 63n, (1n << 64n) - 1n];
const SIGNED = [0n, 1n, -1n, (1n << 53n) + 1n, -(1n << 63n), (1n << 63n) - 1n];
const SMALL = [0, 1, 127, 128, 16384, 2 ** 28, 2 ** 31, 2 ** 32 - 1];
const NEGATIVE = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)];
const VALUES = {
  uint64: BIG,
  fixed64: BIG,
  int64: SIGNED,
  sint64: SIGNED,
  sfixed64: SIGNED,
  uint32: SMALL,
  fixed32: SMALL,
  int32: NEGATIVE,
  sint32: NEGATIVE,
  sfixed32: NEGATIVE,
  bool: [true, false],
  float: [0, 1.5, -Infinity],
  double: [0, 0.1, -1e300],
  string: ["", "a", "é游😀", "x".repeat(300)],
  bytes: [new Uint8Array(0), new Uint8Array(200).fill(7)],
};

test("each kind of value is written and read as by protobuf-es", () => {
  for (const [kind, values] of Object.entries(VALUES)) {
    for (const value of values) {
      const expected = new theirs.BinaryWriter()[kind](value).finish();
      assert.deepEqual(new BinaryWriter()[kind](value).finish(), expected, `${kind} ${value}`);
      const reader = new BinaryReader(expected);
      assert.deepEqual(reader[kind](), value, `${kind} ${value}`);
      assert.equal(reader.pos, reader.len);
    }
  }
});

test("a number out of range still makes a whole field", () => {
  for (const value of [-1, 2 ** 32, 1.5, NaN]) {
    const reader = new BinaryReader(new BinaryWriter().uint32(value).uint32(7).finish());
    assert.deepEqual([reader.uint32(), reader.uint32()], [value >>> 0, 7]);
  }
});

test("messages in messages, and fields that are skipped", () => {
  const write = (writer) =>
    writer.tag(1, 2).fork().tag(2, 2).fork().tag(3, 0).uint32(5).join().tag(4, 2).string("x").join().finish();
  assert.deepEqual(write(new BinaryWriter()), write(new theirs.BinaryWriter()));
  const all = new theirs.BinaryWriter()
    .tag(1, 0)
    .uint64(1n << 60n)
    .tag(2, 1)
    .fixed64(1n)
    .tag(3, 2)
    .string("abc");
  all.tag(4, 3).tag(5, 0).uint32(1).tag(4, 4).tag(6, 5).fixed32(1).tag(7, 0).uint32(9);
  const reader = new BinaryReader(all.finish());
  for (;;) {
    const [field, type] = reader.tag();
    if (field === 7) break;
    reader.skip(type, field);
  }
  assert.equal(reader.uint32(), 9);
});

test("what is cut or too long throws", () => {
  const bad = [[0x80], [5, 1], Array(11).fill(0xff)];
  for (const bytes of bad) assert.throws(() => new BinaryReader(new Uint8Array(bytes)).bytes(), RangeError);
  for (const type of [6, 7, 4])
    assert.throws(() => new BinaryReader(new Uint8Array(9)).skip(type, 1), RangeError);
});

test("UTF-8 is that of TextEncoder and TextDecoder", () => {
  const texts = ["", "a", "\u007f\u0080\u07ff\u0800\uffff", "😀𝄞", "\ud800", "a\udc00b", "\udfff\ud800"];
  for (const text of texts) assert.deepEqual(encodeUtf8(text), new TextEncoder().encode(text));
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  // All two-byte sequences, and random ones of bytes at which something changes.
  const edges = [
    0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4,
    0xf5, 0xff,
  ];
  const cases = [];
  for (let pair = 0; pair < 65536; pair++) cases.push([pair >> 8, pair & 255]);
  let seed = 1;
  const next = () => (seed = (seed * 48271) % 2147483647);
  for (let i = 0; i < 20000; i++)
    cases.push(Array.from({ length: 3 + (next() % 4) }, () => edges[next() % edges.length]));
  for (const bytes of cases.map((bytes) => new Uint8Array(bytes)))
    assert.equal(decodeUtf8(bytes), decoder.decode(bytes), Buffer.from(bytes).toString("hex"));
});
