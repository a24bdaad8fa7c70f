// npm's `websocket` as a client of the program: `node websocket_client.js PORT [CODE]`.
//
// Exchanges, every close code that a client can bring about by what it sends, and refused upgrades; or with CODE the
// code by which the server ends a client that does nothing.

'use strict';

const { client: WebSocketClient } = require('websocket');

// Until all is done: Node ends with 0 when it just runs out of things to wait for.
process.exitCode = 1;

const PORT = Number(process.argv[2]);
const CODE = Number(process.argv[3]);
const TIMEOUT_MS = 30_000; // After it, a silent server has failed.
const TIMES = 10; // How often each close is tried: what used to be lost was not lost each time.
const SIZES = [0, 1, 116, 117, 125, 126, 65_526, 65_527, 65_535, 65_536, 524_279];
const LONG = 8_000_000;

/** A packet to the server. */
function packet(cmd, data = Buffer.alloc(0), flag = 7) {
  const header = Buffer.alloc(9);
  header.writeUInt16BE(Math.min(data.length, 65_535), 0);
  header.writeUInt32BE(flag, 3);
  header.writeUInt16BE(cmd, 7);
  return Buffer.concat([header, data]);
}

/** A packet from the server. */
const reply = (errorId, bytes) => Buffer.concat([Buffer.from([0, errorId]), bytes]);
/** Command 1002 of an account `a` with this role, below 128. */
const login = (role) => packet(1002, Buffer.from([0x0a, 1, 0x61, 0x20, role]));
const brief = (what) => (Buffer.isBuffer(what) ? `${what.length} bytes ${what.subarray(0, 24).toString('hex')}` : `${what}`);

function same(got, expected) {
  const equal = Buffer.isBuffer(expected) ? Buffer.isBuffer(got) && got.equals(expected) : got === expected;
  if (!equal) throw new Error(`${brief(got)}, expected ${brief(expected)}`);
}

function within(promise) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error('nothing came')), TIMEOUT_MS)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** An open connection, whose messages wait to be asked for; the code of its end stands behind them. */
class Link {
  static open(path = '/') {
    const client = new WebSocketClient({ maxReceivedFrameSize: LONG, maxReceivedMessageSize: LONG });
    return within(new Promise((resolve, reject) => {
      client.on('connect', (connection) => resolve(new Link(connection)));
      client.on('connectFailed', reject);
      client.connect(`ws://127.0.0.1:${PORT}${path}`);
    }));
  }

  constructor(connection) {
    this.connection = connection;
    this.received = [];
    this.wake = () => {};
    const got = (item) => {
      this.received.push(item);
      this.wake();
    };
    connection.on('message', (message) => got(message.binaryData));
    connection.on('close', (code) => got(code));
    connection.on('error', () => {}); // A `close` follows.
  }

  send(...messages) {
    for (const message of messages) this.connection.send(message);
  }

  /** The next message, or the code of the end. */
  async next() {
    if (this.received.length === 0) await within(new Promise((resolve) => (this.wake = resolve)));
    return this.received.shift();
  }

  /** The code of the end. What comes before it is left out. */
  async code() {
    for (;;) {
      const got = await this.next();
      if (!Buffer.isBuffer(got)) return got;
    }
  }
}

/** A case: these messages close with this code. */
const sends = (code, ...messages) => async () => {
  const link = await Link.open();
  link.send(...messages);
  same(await link.code(), code);
};

/** A case: these bytes, which are no frame that the library would send, close with this code. */
const sendsRaw = (code, bytes) => async () => {
  const link = await Link.open();
  link.connection.socket.write(bytes, 'latin1');
  same(await link.code(), code);
};

async function echoes() {
  const link = await Link.open();
  for (const size of SIZES) {
    link.send(packet(1101, Buffer.alloc(size)));
    same(await link.next(), reply(0, packet(1101, Buffer.alloc(size))));
  }
  link.connection.close();
  same(await link.code(), 1000);
}

async function replaced() {
  const older = await Link.open();
  const newer = await Link.open();
  for (const link of [older, newer]) {
    link.send(login(5));
    same((await link.next()).readUInt16BE(), 0);
  }
  same(await older.code(), 4007);
  newer.connection.drop();
}

/** The 11th bad request closes; the 10 before it are answered. */
async function refusals() {
  const link = await Link.open();
  for (let flag = 0; flag < 11; flag++) link.send(packet(1199, undefined, flag));
  for (let flag = 0; flag < 10; flag++) same(await link.next(), reply(1, packet(1199, undefined, flag)));
  same(await link.code(), 4002);
}

async function refusedUpgrade() {
  const why = await Link.open('/other').then(() => 'it was let in', (error) => `${error}`.match(/status: (\d+)/)?.[1]);
  same(why, '404');
}

/** The server ends a client that does nothing. */
async function nothing() {
  same(await (await Link.open()).code(), CODE);
}

const MORE = Array.from({ length: 80 }, () => packet(1102, Buffer.alloc(100_000)));
const BAD = Array.from({ length: 11 }, () => packet(1199));
const CASES = [
  ['1002', sendsRaw(1002, '\xf3\x80mask')],
  ['1003', async () => {
    const link = await Link.open();
    link.connection.sendUTF('text');
    same(await link.code(), 1003);
  }],
  ['1007', sendsRaw(1007, '\x88\x83\0\0\0\0\x03\xe8\xff')],
  ['1009', sends(1009, Buffer.alloc(600_000))],
  ['1009, 8 MB', sends(1009, Buffer.alloc(LONG))],
  ['1011', sends(1011, packet(1106))],
  ['4000', sends(4000, Buffer.alloc(8))],
  ['4001', sends(4001, packet(1103, Buffer.from('x')))],
  ['4002', refusals],
  ['4002, and 8 MB more', sends(4002, ...BAD, ...MORE)],
  ['4007', replaced],
];

async function main() {
  const listed = CODE ? [[`${CODE}`, nothing]] : [['echo', echoes], ['404', refusedUpgrade], ...Array(TIMES).fill(CASES).flat()];
  let failed = 0;
  for (const [name, run] of listed) {
    try {
      await run();
      console.log(`ok: ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAILED: ${name}: ${error.message ?? error}`);
    }
  }
  console.log(`test result: ${listed.length - failed} passed; ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

main();
