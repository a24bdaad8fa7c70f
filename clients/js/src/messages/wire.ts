// Reads and writes the protobuf encoding, for the code that ts-proto generates.
//
// It takes the place of @bufbuild/protobuf/wire, which needs TextEncoder and TextDecoder; mini-games have
// neither. Only what generated codecs call is here.

import { decodeUtf8, encodeUtf8 } from "./utf8.js";

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const START_GROUP = 3;
const END_GROUP = 4;
const FIXED32 = 5;

/** Appends fields to a growing buffer. */
export class BinaryWriter {
  private _bytes = new Uint8Array(64);
  private _length = 0;
  /** Where the Data of each open message begins. */
  private _open: number[] = [];

  finish(): Uint8Array {
    return this._bytes.slice(0, this._length);
  }

  /** Begins a message within the message; `join` ends it. */
  fork(): this {
    this._open.push(this._length);
    return this;
  }

  join(): this {
    const data = this._bytes.slice(this._open.pop()!, this._length);
    this._length -= data.length;
    return this.bytes(data);
  }

  tag(field: number, type: number): this {
    return this.uint32(((field << 3) | type) >>> 0);
  }

  bytes(value: Uint8Array): this {
    this.uint32(value.length);
    const at = this._grow(value.length);
    this._bytes.set(value, at);
    return this;
  }

  string(value: string): this {
    return this.bytes(encodeUtf8(value));
  }

  bool(value: boolean): this {
    return this.uint32(value ? 1 : 0);
  }

  uint32(value: number): this {
    for (value >>>= 0; value > 127; value >>>= 7) this._byte((value & 127) | 128);
    return this._byte(value);
  }

  int32(value: number): this {
    return value < 0 ? this.int64(BigInt(value)) : this.uint32(value);
  }

  sint32(value: number): this {
    return this.uint32(((value << 1) ^ (value >> 31)) >>> 0);
  }

  uint64(value: bigint | number | string): this {
    let rest = BigInt.asUintN(64, BigInt(value));
    const mask = BigInt(127);
    for (; rest > mask; rest >>= BigInt(7)) this._byte(Number(rest & mask) | 128);
    return this._byte(Number(rest));
  }

  int64(value: bigint | number | string): this {
    return this.uint64(value);
  }

  sint64(value: bigint | number | string): this {
    const big = BigInt(value);
    return this.uint64((big << BigInt(1)) ^ (big >> BigInt(63)));
  }

  fixed32(value: number): this {
    return this._view(4, (view, at) => view.setUint32(at, value, true));
  }

  sfixed32(value: number): this {
    return this.fixed32(value);
  }

  fixed64(value: bigint | number | string): this {
    const big = BigInt.asUintN(64, BigInt(value));
    return this.fixed32(Number(BigInt.asUintN(32, big))).fixed32(Number(big >> BigInt(32)));
  }

  sfixed64(value: bigint | number | string): this {
    return this.fixed64(value);
  }

  float(value: number): this {
    return this._view(4, (view, at) => view.setFloat32(at, value, true));
  }

  double(value: number): this {
    return this._view(8, (view, at) => view.setFloat64(at, value, true));
  }

  /** Appends bytes as they are: fields that a message kept unread. */
  raw(value: Uint8Array): this {
    const at = this._grow(value.length);
    this._bytes.set(value, at);
    return this;
  }

  private _byte(value: number): this {
    const at = this._grow(1);
    this._bytes[at] = value;
    return this;
  }

  private _view(size: number, set: (view: DataView, at: number) => void): this {
    const at = this._grow(size);
    set(new DataView(this._bytes.buffer), at);
    return this;
  }

  /** Makes room for this many bytes, and returns where they go. */
  private _grow(count: number): number {
    const at = this._length;
    this._length += count;
    if (this._length > this._bytes.length) {
      const old = this._bytes;
      this._bytes = new Uint8Array(this._length * 2);
      this._bytes.set(old);
    }
    return at;
  }
}

/** Reads fields. What is cut or too long throws a RangeError. */
export class BinaryReader {
  pos = 0;
  readonly len: number;

  constructor(private _bytes: Uint8Array) {
    this.len = _bytes.length;
  }

  tag(): [number, number] {
    const tag = this.uint32();
    return [tag >>> 3, tag & 7];
  }

  /** Passes over a field; returns its bytes, its tag excluded. */
  skip(type: number, field?: number): Uint8Array {
    const begin = this.pos;
    if (type === VARINT) this.uint64();
    else if (type === FIXED64) this._take(8);
    else if (type === BYTES) this.bytes();
    else if (type === FIXED32) this._take(4);
    else if (type === START_GROUP) this._skipGroup(field);
    else throw new RangeError(`wire type ${type}`);
    return this._bytes.subarray(begin, this.pos);
  }

  bytes(): Uint8Array {
    return this._take(this.uint32());
  }

  string(): string {
    return decodeUtf8(this.bytes());
  }

  bool(): boolean {
    return this.uint64() !== BigInt(0);
  }

  uint32(): number {
    return Number(BigInt.asUintN(32, this.uint64()));
  }

  int32(): number {
    return this.uint32() | 0;
  }

  sint32(): number {
    const value = this.uint32();
    return (value >>> 1) ^ -(value & 1);
  }

  uint64(): bigint {
    let [low, high] = [0, 0];
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this._take(1)[0];
      // Each half has 28 bits, so that they stay exact; the rest is the high one's.
      if (shift < 28) low |= (byte & 127) << shift;
      else high += (byte & 127) * 2 ** (shift - 28);
      if (byte < 128) return BigInt.asUintN(64, BigInt(low) + (BigInt(high) << BigInt(28)));
    }
    throw new RangeError("a varint is too long");
  }

  int64(): bigint {
    return BigInt.asIntN(64, this.uint64());
  }

  sint64(): bigint {
    const value = this.uint64();
    return (value >> BigInt(1)) ^ -(value & BigInt(1));
  }

  fixed32(): number {
    return this._view(4).getUint32(0, true);
  }

  sfixed32(): number {
    return this._view(4).getInt32(0, true);
  }

  fixed64(): bigint {
    const low = BigInt(this.fixed32());
    return low | (BigInt(this.fixed32()) << BigInt(32));
  }

  sfixed64(): bigint {
    return BigInt.asIntN(64, this.fixed64());
  }

  float(): number {
    return this._view(4).getFloat32(0, true);
  }

  double(): number {
    return this._view(8).getFloat64(0, true);
  }

  private _skipGroup(field?: number): void {
    for (;;) {
      const [number, type] = this.tag();
      if (type === END_GROUP && (field === undefined || number === field)) return;
      this.skip(type, number);
    }
  }

  private _view(size: number): DataView {
    const bytes = this._take(size);
    return new DataView(bytes.buffer, bytes.byteOffset, size);
  }

  private _take(count: number): Uint8Array {
    const begin = this.pos;
    if (count > this.len - begin) throw new RangeError("a message is cut");
    this.pos += count;
    return this._bytes.subarray(begin, this.pos);
  }
}
