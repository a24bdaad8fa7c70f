// The calls that wait for an answer, by their Flags.

import type { Packet } from "./packet.js";

/** A request whose answers are expected. */
export interface Pending {
  _cmd: number;
  /** The packet; its Flag is set when it leaves. */
  _packet: Uint8Array;
  /** The Flag once it has left; 0 before. */
  _flag: number;
  /** Says that it leaves only now. */
  _left(): void;
  /** Gets each answer. */
  _answer(packet: Packet): void;
  /** Gets the end of the connection on which it left, or of the wait for one. */
  _end(code: number, reason: string): void;
}

export class Calls {
  private _sent = new Map<number, Pending>();
  private _last = 0;

  /** The next Flag: from 1 on, never 0 or one in use. */
  _next(): number {
    do this._last = (this._last % 0xffffffff) + 1;
    while (this._sent.has(this._last));
    return this._last;
  }

  /** Gives a request the next Flag, and returns that. */
  _register(pending: Pending): number {
    pending._flag = this._next();
    this._sent.set(pending._flag, pending);
    return pending._flag;
  }

  /** The request with this Flag. */
  _find(flag: number): Pending | undefined {
    return this._sent.get(flag);
  }

  /** Frees the Flag of a request that expects no more answers. */
  _release(pending: Pending): void {
    if (this._sent.get(pending._flag) === pending) this._sent.delete(pending._flag);
  }

  /** Ends all requests that have left. */
  _endAll(code: number, reason: string): void {
    const ended = this._sent;
    this._sent = new Map();
    ended.forEach((pending) => pending._end(code, reason));
  }
}
