// npm's `ws` as a client of the program: `node ws_client.js PORT`.
//
// Every exchange is tried in four ways of delivery. Each ends with an echo as a marker, which shows that
// what was expected came, and nothing else. websockets_client.py and foreign_tungstenite/ do the same.

'use strict';

const net = require('node:net');
const { Duplex } = require('node:stream');
const WebSocket = require('ws');

// Until all is done: Node ends with 0 when it just runs out of things to wait for.
process.exitCode = 1;

const PORT = Number(process.argv[2]);
const TIMEOUT_MS = 30_000; // After it, a silent server has failed.
const MAX_DATA = 524_288 - 9; // The longest Data: with its header it fills the longest message.
// Both sides of each length form of a frame, with Data alone and with the header of a packet.
const SIZES = [0, 1, 116, 117, 125, 126, 65_526, 65_527, 65_535, 65_536, MAX_DATA];
const FLAGS = [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 0x01020304];
let flags = 0;
const nextFlag = () => FLAGS[flags++ % FLAGS.length];

/** A packet to the server. */
function request(cmd, data, flag, dataSize = Math.min(data.length, 65_535)) {
  const header = Buffer.alloc(9);
  header.writeUInt16BE(dataSize, 0);
  header.writeUInt32BE(flag, 3);
  header.writeUInt16BE(cmd, 7);
  return Buffer.concat([header, data]);
}

/** A packet from the server. */
function reply(cmd, data, flag, errorId = 0) {
  const header = Buffer.alloc(2);
  header.writeUInt16BE(errorId, 0);
  return Buffer.concat([header, request(cmd, data, flag)]);
}

const u16 = (value) => Buffer.from([value >> 8, value & 255]);
const u32 = (value) => Buffer.concat([u16(value >>> 16), u16(value & 65_535)]);
/** Data in which every shift shows. */
const pattern = (size) => Buffer.alloc(size, Buffer.from([...Array(251).keys()]));
const indices = (count) => Array.from({ length: count }, (_, index) => u32(index));
const brief = (bytes) => `${bytes.length} bytes ${bytes.subarray(0, 24).toString('hex')}`;

/** A TCP connection that writes in the way it is told to, under the library. */
class Shaped extends Duplex {
  constructor(bytewise) {
    super();
    this.bytewise = bytewise;
    this.held = null;
    this.tcp = net.connect({ port: PORT, host: '127.0.0.1', noDelay: true });
    this.tcp.on('connect', () => this.emit('connect'));
    this.tcp.on('data', (data) => this.push(data) || this.tcp.pause());
    this.tcp.on('end', () => this.push(null));
    this.tcp.on('error', (error) => this.destroy(error));
  }

  /** From here on writes wait for `release`. */
  hold() {
    this.held = [];
  }

  /** Writes all that has waited at once. */
  release() {
    const bytes = Buffer.concat(this.held);
    this.held = null;
    this.tcp.write(bytes);
  }

  _read() {
    this.tcp.resume();
  }

  _write(chunk, _, done) {
    if (this.held) {
      this.held.push(chunk);
      done();
    } else if (this.bytewise) {
      this.dribble(chunk, 0, done);
    } else {
      this.tcp.write(chunk, done);
    }
  }

  dribble(chunk, index, done) {
    if (index === chunk.length) done();
    else this.tcp.write(chunk.subarray(index, index + 1), (error) => (error ? done(error) : this.dribble(chunk, index + 1, done)));
  }

  _final(done) {
    this.tcp.end(done);
  }

  _destroy(error, done) {
    this.tcp.destroy();
    done(error);
  }
}

/** A connection of the library, with what it received waiting to be asked for. */
class Link {
  static largest = MAX_DATA;

  /** Resolves once the connection is open. */
  static open() {
    const link = new this();
    return link.within(new Promise((resolve, reject) => {
      link.ws.on('open', () => resolve(link));
      link.ws.on('error', reject);
    }));
  }

  constructor(bytewise = false) {
    const createConnection = () => (this.shaped = new Shaped(bytewise));
    this.ws = new WebSocket(`ws://127.0.0.1:${PORT}/`, { createConnection });
    this.received = [];
    this.wake = () => {};
    this.ws.on('message', (data) => this.got(data));
    this.ws.on('close', (code) => this.got({ code }));
    this.ws.on('error', () => {}); // A `close` follows.
  }

  got(item) {
    this.received.push(item);
    this.wake();
  }

  /** The next message, or `{ code }` of the Close. */
  async next() {
    if (this.received.length === 0) await this.within(new Promise((resolve) => (this.wake = resolve)));
    return this.received.shift();
  }

  async within(promise) {
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error('nothing came')), TIMEOUT_MS)));
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Expects the messages, in this order. */
  async expect(messages) {
    for (const [index, expected] of messages.entries()) {
      const got = await this.next();
      if (got.code !== undefined) throw new Error(`Close ${got.code} instead of reply ${index}, ${brief(expected)}`);
      if (!got.equals(expected)) throw new Error(`reply ${index}: ${brief(got)}, expected ${brief(expected)}`);
    }
  }

  /** Expects the server's Close, and the end of the connection. */
  async expectClose(code) {
    const got = await this.next();
    if (got.code !== code) throw new Error(`${got.code === undefined ? brief(got) : `Close ${got.code}`}, expected Close ${code}`);
  }

  dispose() {
    this.ws.terminate();
  }
}

/** Each packet as one frame. */
class Whole extends Link {
  send(packets) {
    for (const packet of packets) this.ws.send(packet);
  }
}

/** Each packet in fragments, an empty one and Pings among them. */
class Fragmented extends Link {
  send(packets) {
    for (const packet of packets) {
      const half = packet.length >> 1;
      const cuts = [0, Math.min(4, packet.length), half, half, packet.length];
      for (let i = 1; i < cuts.length; i++) {
        this.ws.send(packet.subarray(cuts[i - 1], cuts[i]), { binary: true, fin: i === cuts.length - 1 });
        this.ws.ping();
      }
    }
  }
}

/** All packets in one write: one segment, where it can hold them. */
class Together extends Link {
  send(packets) {
    this.shaped.hold();
    for (const packet of packets) this.ws.send(packet);
    this.shaped.release();
  }
}

/** Every byte in a segment of its own, those of the upgrade too. */
class Dribbled extends Whole {
  static largest = 65_536;

  constructor() {
    super(true);
  }
}

function marker() {
  const flag = nextFlag();
  const data = Buffer.from('marker');
  return [request(1101, data, flag), reply(1101, data, flag)];
}

/** Sends packets and a marker, expects these replies and the marker's, and closes. */
async function exchange(link, packets, replies) {
  const [mark, echo] = marker();
  link.send([...packets, mark]);
  await link.expect([...replies, echo]);
  link.ws.close(1000);
  await link.expectClose(1000);
}

/** One packet, and the Data of each of its replies. */
function answers(link, cmd, data, replies, errorId = 0) {
  const flag = nextFlag();
  return exchange(link, [request(cmd, data, flag)], replies.map((answer) => reply(cmd, answer, flag, errorId)));
}

/** A DataSize that does not match is refused. */
function badSize(link) {
  return exchange(link, [request(1101, Buffer.from('four'), 7, 5)], [reply(1101, Buffer.alloc(0), 7, 2)]);
}

/** Immediate replies wait for the deferred ones before them. */
function inOrder(link) {
  const packets = [];
  const replies = [];
  for (const [cmd, data, expected, errorId] of [
    [1105, Buffer.from('\0\0\0\x1ea'), [Buffer.from('a')], 0],
    [1101, Buffer.from('b'), [Buffer.from('b')], 0],
    [1105, Buffer.from('\0\0\0\0c'), [Buffer.from('c')], 0],
    [1104, u16(3), indices(3), 0],
    [1103, u16(100), [Buffer.alloc(0)], 100],
    [1105, u32(5), [Buffer.alloc(0)], 0],
    [1102, Buffer.from('d'), [], 0],
    [1101, Buffer.alloc(0), [Buffer.alloc(0)], 0],
  ]) {
    const flag = nextFlag();
    packets.push(request(cmd, data, flag));
    replies.push(...expected.map((answer) => reply(cmd, answer, flag, errorId)));
  }
  return exchange(link, packets, replies);
}

/** A marker, a packet that closes, and a marker that is not answered any more. */
async function closes(link, packet, code) {
  const [first, echo] = marker();
  const [last] = marker();
  link.send([first, packet, last]);
  await link.expect([echo]);
  await link.expectClose(code);
}

/** Only binary messages carry packets. */
function text(link) {
  link.ws.send('text');
  return link.expectClose(1003);
}

/** The cases of one way of delivery: name, function, arguments. */
function* cases(style) {
  for (const size of SIZES.filter((size) => size <= style.largest)) {
    const data = pattern(size);
    yield [`1101 echo, ${size} bytes`, answers, 1101, data, [data]];
    yield [`1102 sink, ${size} bytes`, answers, 1102, data, []];
    const later = Buffer.concat([u32(size % 50), data.subarray(0, MAX_DATA - 4)]);
    yield [`1105 deferred, ${later.length} bytes`, answers, 1105, later, [later.subarray(4)]];
    for (const cmd of [1103, 1104]) yield [`${cmd} with ${size} bytes: 4001`, closes, request(cmd, data, 7), 4001];
  }
  for (const id of [1, 100, 65_535]) yield [`1103 refuse, ${id}`, answers, 1103, u16(id), [Buffer.alloc(0)], id];
  for (const count of [0, 1, 3, 1000, 60_000]) {
    yield [`1104 burst, ${count}`, answers, 1104, u16(count), indices(count)];
  }
  for (const size of [0, 1, 2, 3]) {
    yield [`1105 with ${size} bytes: 4001`, closes, request(1105, Buffer.alloc(size), 7), 4001];
  }
  yield ['immediate and deferred in order', inOrder];
  for (const cmd of [0, 1100, 1199, 65_535]) {
    yield [`${cmd} unknown`, answers, cmd, Buffer.from('data'), [Buffer.alloc(0)], 1];
  }
  yield ['wrong DataSize', badSize];
  yield ['short packet: 4000', closes, Buffer.alloc(8), 4000];
  if (style.largest === MAX_DATA) {
    yield [`1101 with ${MAX_DATA + 1} bytes: 1009`, closes, request(1101, pattern(MAX_DATA + 1), 7), 1009];
  }
  if (style === Whole) yield ['text: 1003', text];
}

async function main() {
  let passed = 0;
  let failed = 0;
  for (const style of [Whole, Fragmented, Together, Dribbled]) {
    for (const [name, run, ...rest] of cases(style)) {
      let link;
      try {
        link = await style.open();
        await run(link, ...rest);
        passed++;
        console.log(`ok: ${style.name.toLowerCase()}: ${name}`);
      } catch (error) {
        failed++;
        console.log(`FAILED: ${style.name.toLowerCase()}: ${name}: ${error.message}`);
      } finally {
        if (link) link.dispose();
      }
    }
  }
  console.log(`test result: ${passed} passed; ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

main();
