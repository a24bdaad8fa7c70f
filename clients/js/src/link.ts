// One connection at a time: opens it, notices its loss, and opens the next. It knows nothing of calls.

import type { Advice } from "./errors.js";
import { decodeReply, type Packet } from "./packet.js";
import { browser, inflate } from "./platform.js";
import { promised } from "./promised.js";
import { adviceOf, retrySeconds, waitMs } from "./reconnect.js";
import { after, type Timer } from "./timer.js";
import type { Options, Socket, State } from "./types.js";

/** After how long a connection counts as a good one, so that the waits begin from the start. */
const SETTLED_MS = 10000;
/** How long a client that was woken waits for a sign of the server. */
const WAKE_MS = 3000;

/** What the link tells its owner. */
export interface Owner {
  /** A socket is open, and `current` tells for how long; the owner logs in, and says `_ready`. */
  _opened(current: () => boolean): void;
  /** A packet came; its Data is inflated. */
  _packet(packet: Packet): void;
  /** The connection, or an attempt, has ended. With "never" the link is closed, otherwise it goes on. */
  _ended(code: number, reason: string, advice: Advice): void;
  _changed(state: State): void;
  _failed(error: unknown): void;
  /** Sends a heartbeat. */
  _beat(): void;
}

export class Link {
  _state: State = "closed";
  _socket: Socket | undefined;
  /** Changes with each socket. */
  private _attempt = 0;
  private _failures = 0;
  /** The timers of the current attempt that run. */
  private _timers: { [name: string]: Timer | undefined } = {};
  private _unwatch: (() => void) | undefined;

  constructor(
    private _url: string | (() => string | Promise<string>),
    private _options: Options,
    private _owner: Owner,
  ) {}

  /** Throws if there is nothing to open sockets with: no attempt would ever succeed. */
  _check(): void {
    if (!this._options.connector && typeof WebSocket === "undefined")
      throw new Error("no WebSocket here: needs the option connector");
  }

  /** Leaves the state "closed". */
  _start(): void {
    if (this._state !== "closed") return;
    const { watch } = this._connector();
    this._unwatch = watch && watch(() => this._wake());
    this._connect();
  }

  /** The owner has logged in. */
  _ready(): void {
    this._after("settled", SETTLED_MS, () => (this._failures = 0));
    this._set("open");
    if (this._state === "open") this._beat();
  }

  /** Whether a packet would leave now. */
  _writable(): boolean {
    const { readyState = 1 } = this._socket || { readyState: 0 };
    return readyState === 1;
  }

  _send(message: Uint8Array): void {
    try {
      this._socket!.send(message.buffer);
    } catch (error) {
      this._broken(error, "not sent");
    }
  }

  /** The page or the network has come back: connects, or asks the server for a sign. */
  _wake(): void {
    if (this._state === "waiting") this._connect();
    if (this._state !== "open" || this._options.heartbeat === false || this._timers.wake) return;
    this._owner._beat();
    this._after("wake", WAKE_MS, () => this._lost(1006, "silent when woken"));
  }

  /** Ends the connection with this code, for good. */
  _close(code: number, reason: string): void {
    const socket = this._drop();
    try {
      if (socket) socket.close(code, reason);
    } catch (error) {
      cut(socket!);
      throw error;
    } finally {
      if (this._state !== "closed") this._finish(code, reason, "never");
    }
  }

  /** The attempt or connection fails with an error. */
  _broken(error: unknown, reason: string, given?: Advice): void {
    this._lost(1006, reason, given);
    this._owner._failed(error);
  }

  /** The connection is lost, or an attempt has failed; cuts what is left of it. */
  _lost(code: number, reason: string, given?: Advice): void {
    const { advice, backoff } = this._options;
    try {
      given = given || (advice && advice(code, reason));
    } catch (error) {
      // The handlers find the loss behind them.
      Promise.resolve(error).then((error) => this._owner._failed(error));
    }
    const retry = given ? undefined : retrySeconds(reason);
    const what = given || (retry === undefined ? adviceOf(code) : "later");
    const socket = this._drop();
    if (socket) cut(socket);
    if (what !== "never") {
      this._after("connect", waitMs(what, retry, this._failures++, backoff), () => this._connect());
    }
    this._finish(code, reason, what);
  }

  private _finish(code: number, reason: string, advice: Advice): void {
    if (advice === "never" && this._unwatch) this._unwatch();
    this._log("ended:", code, reason, advice);
    this._owner._ended(code, reason, advice);
    this._set(advice === "never" ? "closed" : "waiting");
  }

  private _connector() {
    return this._options.connector || browser;
  }

  private _connect(): void {
    this._drop();
    const attempt = this._attempt;
    const { connectTimeoutMs = 10000, protocols } = this._options;
    const current = () => attempt === this._attempt;
    const failed = (error: unknown) => {
      if (current()) this._broken(error, "no socket");
    };
    const open = (url: string) => {
      if (!current()) return;
      try {
        this._listen((this._socket = this._connector()(url, protocols)), current);
      } catch (error) {
        failed(error);
      }
    };
    if (connectTimeoutMs) this._after("open", connectTimeoutMs, () => this._lost(1006, "not open in time"));
    this._set("connecting");
    if (!current()) return;
    const { _url: url } = this;
    if (typeof url === "string") open(url);
    else promised(url).then(open, failed);
  }

  private _listen(socket: Socket, current: () => boolean): void {
    // What is still to do before the next message may be handled, if anything.
    let before: Promise<unknown> | undefined;
    const inOrder = (action: () => Promise<void> | void) => {
      const step = () => current() && action();
      const next = before ? before.then(step) : step();
      if (!next) return;
      before = next;
      next.then(() => before === next && (before = undefined));
    };
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      if (!current()) return;
      this._after("open", 0);
      this._heard();
      this._set("login");
      if (current()) this._owner._opened(current);
    };
    socket.onmessage = ({ data }) => {
      if (!current()) return;
      this._heard();
      inOrder(() => this._receive(data, current));
    };
    socket.onclose = ({ code, reason }) => inOrder(() => this._lost(code || 1006, reason || ""));
    // An error precedes a close, with its code. Where a library would wait for the server's Close, this does not.
    socket.onerror = () => current() && this._after("error", 1000, () => this._lost(1006, "failed"));
  }

  /** Hands a message on; returns a promise if that takes a while. */
  private _receive(data: unknown, current: () => boolean): Promise<void> | void {
    const packet = typeof data === "object" ? decodeReply(data as ArrayBuffer) : undefined;
    if (!packet) return this._owner._failed(new Error("a message is no packet"));
    if (packet.status !== 1 || !packet.data.length) return this._owner._packet(packet);
    const inflated = (data: Uint8Array) => {
      packet.data = data;
      packet.status = 0;
    };
    // Not inflated, it still has its status, by which its receiver knows.
    const failed = (error: unknown) => this._owner._failed(error);
    const deliver = () => {
      if (current()) this._owner._packet(packet);
    };
    const { inflate: own = inflate } = this._options;
    return promised(() => own(packet.data))
      .then(inflated, failed)
      .then(deliver);
  }

  private _everyMs(): number {
    const { heartbeat } = this._options;
    return heartbeat ? heartbeat.everyMs : heartbeat === false ? 0 : 25000;
  }

  private _beat(): void {
    if (!this._everyMs()) return;
    this._owner._beat();
    this._after("beat", this._everyMs(), () => this._beat());
  }

  /** The server has given a sign. How long ago is not measured by the date, which can be set. */
  private _heard(): void {
    const { idleMs = this._everyMs() && 60000 } = this._options;
    this._after("wake", 0);
    if (idleMs) this._after("idle", idleMs, () => this._lost(1006, "silent"));
  }

  /** Lets go of the socket, which is returned, and of all timers. Nothing of it reaches the link from now on. */
  private _drop(): Socket | undefined {
    const { _socket: socket } = this;
    this._attempt++;
    this._socket = undefined;
    for (const name in this._timers) this._after(name, 0);
    return socket;
  }

  /** Sets the timer of this name, or ends it. */
  private _after(name: string, ms: number, action?: () => void): void {
    clearTimeout(this._timers[name]);
    this._timers[name] =
      action &&
      after(ms, () => {
        this._timers[name] = undefined;
        action();
      });
  }

  private _set(state: State): void {
    this._state = state;
    this._log(state);
    this._owner._changed(state);
  }

  _log(...words: unknown[]): void {
    const { log } = this._options;
    try {
      if (log) log(words.join(" "));
    } catch {
      // There is nobody else to tell.
    }
  }
}

/** Ends a socket at once, if it lets itself be ended. */
function cut(socket: Socket): void {
  try {
    socket.terminate ? socket.terminate() : socket.close();
  } catch {
    // Nothing of it is heard any more.
  }
}
