// Sockets and a clock under the test's control.

import assert from "node:assert/strict";
import { mock } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Client } from "sysconn-client";

// Timers and the date stand still; immediates go on.
mock.timers.enable({ apis: ["setTimeout", "Date"] });

/** Lets time pass, and what follows from it happen. */
export async function pass(ms = 0) {
  await setImmediate();
  mock.timers.tick(ms);
  await setImmediate();
}

export class Sockets {
  all = [];

  connector = (url, protocols) => {
    const socket = {
      url,
      protocols,
      readyState: 0,
      sent: [],
      closed: undefined,
      send: (data) => socket.sent.push(request(data)),
      close: (...words) => (socket.closed ??= words),
    };
    this.all.push(socket);
    return socket;
  };

  get last() {
    return this.all[this.all.length - 1];
  }

  open() {
    this.last.readyState = 1;
    this.last.onopen({});
  }

  /** The last socket ends. */
  end(code, reason = "") {
    this.last.readyState = 3;
    this.last.onclose({ code, reason });
  }

  /** A packet arrives at the last socket. */
  arrive(packet) {
    this.last.onmessage({ data: reply(packet) });
  }

  /** Answers the request that was sent last. */
  answer(more = {}) {
    const { flag, cmd } = this.last.sent[this.last.sent.length - 1];
    this.arrive({ flag, cmd, ...more });
  }
}

function request(data) {
  if (!(data instanceof ArrayBuffer)) throw new Error("only an ArrayBuffer may be sent");
  const view = new DataView(data);
  return { flag: view.getUint32(3), cmd: view.getUint16(7), data: new Uint8Array(data, 9) };
}

export function reply({ errorId = 0, status = 0, flag = 0, cmd, data = new Uint8Array(0) }) {
  const message = new Uint8Array(11 + data.length);
  const view = new DataView(message.buffer);
  view.setUint16(0, errorId);
  view.setUint16(2, Math.min(data.length, 65535));
  view.setUint8(4, status);
  view.setUint32(5, flag);
  view.setUint16(9, cmd);
  message.set(data, 11);
  return message.buffer;
}

/** A client whose waits are the longest that they may be, or another share of that. */
export function made(options = {}, random = 0) {
  mock.method(Math, "random", () => random);
  const sockets = new Sockets();
  const client = new Client("ws://x/", { connector: sockets.connector, heartbeat: false, ...options });
  const states = [];
  client.on("state", (state) => states.push(state));
  return { sockets, client, states };
}

/** One that is open. */
export async function open(options, random) {
  const all = made(options, random);
  const opening = all.client.connect();
  all.sockets.open();
  await opening;
  return all;
}

/** What a promise rejects with. */
export const fails = (promise) => promise.then(assert.fail, (error) => error);
