// The client: calls, streams and pushes over a link that reconnects.

import { Calls, type Pending } from "./calls.js";
import { decode, encode, number } from "./commands.js";
import { type Advice, Ended, Refused, TimedOut } from "./errors.js";
import { Handlers } from "./handlers.js";
import { Link } from "./link.js";
import { encodeRequest, type Packet } from "./packet.js";
import { promised } from "./promised.js";
import { Replies } from "./stream.js";
import { timeMs } from "./server_time.js";
import { after, type Timer } from "./timer.js";
import type { CallOptions, Command, CommandLike, Options, State } from "./types.js";

const SERVER_TIME = 1044;
/** The kinds of requests: with one reply, with several, and those that do not wait for the login. */
const enum Kind {
  CALL,
  STREAM,
  NOW,
}

/** A client of one server. It keeps one connection, and opens it again when it is lost. */
export class Client {
  /** The last heartbeat's time to the server and back; undefined before. */
  rttMs: number | undefined;
  /** How many answers came for requests that nobody waited for any more, or that were posted. */
  dropped = 0;
  private _calls = new Calls();
  private _queue: Pending[] = [];
  private _handlers = new Handlers((error) => this._failed(error));
  private _opening: { _resolve(): void; _reject(error: unknown): void }[] = [];
  private _link: Link;
  private _beating = false;
  private _clockOffset = 0;
  private _advice: Advice = "later";
  /** The states that the handlers have still to see. */
  private _states: State[] = [];

  constructor(
    url: string | (() => string | Promise<string>),
    private _options: Options = {},
  ) {
    this._link = new Link(url, _options, this);
  }

  get state(): State {
    return this._link._state;
  }

  /** Bytes that the socket has taken and not yet sent. */
  get bufferedAmount(): number {
    const { _socket: socket } = this._link;
    return (socket && socket.bufferedAmount) || 0;
  }

  /** The server's clock, in milliseconds since 1970; this machine's, until a heartbeat was answered. */
  serverNow(): number {
    return Date.now() + this._clockOffset;
  }

  /** Resolves once the connection is open and logged in. Rejects, with `Refused` or `Ended`, only where the
   * client does not try again; with another error if there is no WebSocket and no option `connector`. */
  connect(): Promise<void> {
    return new Promise((_resolve, _reject) => {
      if (this.state === "open") return _resolve();
      this._link._check();
      this._opening.push({ _resolve, _reject });
      this._link._start();
    });
  }

  /** Sends a request, and resolves with its reply. Rejects with `Refused`, `TimedOut` or `Ended`. */
  call(command: number, message?: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  call<Q, R>(command: Command<Q, R>, message?: Q, options?: CallOptions): Promise<R>;
  call(command: CommandLike<any, any>, message?: unknown, options?: CallOptions): Promise<any> {
    return new Promise((resolve, reject) => {
      this._request(command, message, options, resolve, reject);
    });
  }

  /** Sends a request that has several replies. The iteration ends when no reply has come for `timeoutMs`, or
   * throws as a call would. At most 256 replies wait in it. */
  stream(command: number, message?: Uint8Array, options?: CallOptions): AsyncIterableIterator<Uint8Array>;
  stream<Q, R>(command: Command<Q, R>, message?: Q, options?: CallOptions): AsyncIterableIterator<R>;
  stream(
    command: CommandLike<any, any>,
    message?: unknown,
    options?: CallOptions,
  ): AsyncIterableIterator<any> {
    const replies = new Replies<any>();
    const finish = (error: unknown) =>
      replies._finish(error instanceof TimedOut && error.mayHaveRun ? undefined : error);
    replies._cancel = this._request(
      command,
      message,
      options,
      (value) => replies._push(value),
      finish,
      Kind.STREAM,
    );
    return replies;
  }

  /** Sends a request without waiting for an answer. Returns whether it left. A refusal is an event "refused". */
  post(command: number, message?: Uint8Array): boolean;
  post<Q>(command: Command<Q, any>, message?: Q): boolean;
  post(command: CommandLike<any, any>, message?: unknown): boolean {
    const data = encode(command, message);
    if (this.state !== "open" || !this._link._writable()) return false;
    this._link._send(encodeRequest(number(command), this._calls._next(), data));
    return this._link._writable();
  }

  /** Calls the handler for each push of a command, or for each event; returns what ends that. */
  on(event: "state", handler: (state: State) => unknown): () => void;
  on(event: "refused", handler: (refusal: Refused) => unknown): () => void;
  on(event: "unhandled", handler: (push: Packet) => unknown): () => void;
  on(event: "error", handler: (error: unknown) => unknown): () => void;
  on(command: number, handler: (data: Uint8Array) => unknown): () => void;
  on<R>(command: Command<any, R>, handler: (message: R) => unknown): () => void;
  on(what: string | CommandLike<any, any>, handler: (value: any) => unknown): () => void {
    if (typeof what === "string") return this._handlers._add(what, handler);
    return this._handlers._add(number(what), (packet: Packet) => handler(decode(what, packet)));
  }

  /** Tells the client that the page or the network has come back. */
  wake(): void {
    this._link._wake();
  }

  /** Ends the connection, and does not open it again until `connect`. The code is 1000 or 3000 to 4999. */
  close(code = 1000, reason = ""): void {
    this._link._close(code, reason);
  }

  /** Sends a request, or keeps it until the connection is open. Returns what gives it up. `reply` returns false
   * if it can take no more. */
  private _request(
    command: CommandLike<any, any>,
    message: unknown,
    options: CallOptions & { _what?: string } = {},
    reply: (value: any) => unknown,
    fail: (error: unknown) => void,
    kind = Kind.CALL,
  ): () => void {
    const { timeoutMs: usual = 10000 } = this._options;
    const { timeoutMs = usual, signal, offline, _what } = options;
    const cmd = number(command);
    let timer: Timer | undefined;
    let over = false;
    const finish = () => {
      over = true;
      clearTimeout(timer);
      this._calls._release(pending);
      this._queue = this._queue.filter((other) => other !== pending);
      if (signal) signal.removeEventListener("abort", aborted);
    };
    const failWith = (error: unknown) => {
      if (over) return;
      finish();
      fail(error);
    };
    const aborted = () => failWith(signal!.reason || new Error("aborted"));
    const arm = () => {
      clearTimeout(timer);
      if (timeoutMs) timer = after(timeoutMs, () => failWith(new TimedOut(cmd, pending._flag > 0)));
    };
    const pending: Pending = {
      _cmd: cmd,
      _packet: undefined!,
      _flag: 0,
      _left: () => kind === Kind.STREAM && arm(),
      _answer: (packet) => {
        if (packet.errorId) return failWith(new Refused(packet.errorId, cmd, packet.data, _what));
        let value;
        try {
          value = decode(command, packet);
        } catch (error) {
          return failWith(error);
        }
        kind === Kind.STREAM ? arm() : finish();
        if (reply(value) === false) pending._end(0, "too many replies wait");
      },
      _end: (code, reason) => failWith(new Ended(code, reason, this._advice, pending._flag > 0)),
    };
    try {
      pending._packet = encodeRequest(cmd, 0, encode(command, message));
    } catch (error) {
      failWith(error);
      return finish;
    }
    if (signal) signal.addEventListener("abort", aborted);
    if (signal && signal.aborted) aborted();
    else {
      arm();
      if (kind === Kind.NOW || (this.state === "open" && this._link._writable())) this._leave(pending);
      else this._wait(pending, offline);
    }
    return finish;
  }

  /** Keeps a request until the connection is open. */
  private _wait(pending: Pending, offline: CallOptions["offline"]): void {
    const { maxPending = 256 } = this._options;
    if (this.state === "closed" || offline === "reject") pending._end(0, "not connected");
    else if (this._queue.length >= maxPending) pending._end(0, "too many calls wait");
    else this._queue.push(pending);
  }

  private _leave(pending: Pending): void {
    const { _packet: packet } = pending;
    new DataView(packet.buffer).setUint32(3, this._calls._register(pending));
    pending._left();
    this._link._send(packet);
  }

  /** @internal */
  _opened(current: () => boolean): void {
    const { login } = this._options;
    if (!login) return this._open();
    const failed = (error: unknown) => {
      if (!current()) return;
      if (!(error instanceof Refused)) return this._link._broken(error, "no login", "later");
      // Too many requests, or not available.
      if (error.errorId === 5 || error.errorId === 6) this._link._lost(1000, "login refused", "later");
      else {
        this._reject(error);
        this._link._close(1000, "login refused");
      }
      this._handlers._emit("refused", error);
    };
    promised(login)
      .then(({ command, message }) => {
        if (current()) this._request(command, message, { _what: "login: " }, () => this._open(), failed, Kind.NOW);
      })
      .catch(failed);
  }

  private _open(): void {
    // The socket may fail while they leave, and handlers begin anew.
    const ready = () => this.state === "login" && this._link._writable();
    while (this._queue.length && ready()) this._leave(this._queue.shift()!);
    if (ready()) this._link._ready();
    if (this.state === "open") for (const { _resolve } of this._opening.splice(0)) _resolve();
  }

  private _reject(error: unknown): void {
    for (const { _reject } of this._opening.splice(0)) _reject(error);
  }

  /** @internal */
  _ended(code: number, reason: string, advice: Advice): void {
    this._advice = advice;
    this._beating = false;
    this._calls._endAll(code, reason);
    if (advice !== "never") return;
    for (const pending of this._queue.splice(0)) pending._end(code, reason);
    this._reject(new Ended(code, reason, advice, false));
  }

  /** @internal */
  _packet(packet: Packet): void {
    const { errorId, flag, cmd } = packet;
    const pending = this._calls._find(flag);
    if (pending && pending._cmd === cmd) return pending._answer(packet);
    if (flag) this.dropped++;
    if (errorId) this._handlers._emit("refused", new Refused(errorId, cmd, packet.data));
    else if (!flag && !this._handlers._emit(cmd, packet)) this._handlers._emit("unhandled", packet);
  }

  /** @internal */
  _beat(): void {
    // One at a time: behind a slow reply they would pile up.
    if (this._beating || !this._link._writable()) return;
    const { heartbeat } = this._options;
    const command = heartbeat ? heartbeat.command : SERVER_TIME;
    const sent = Date.now();
    this._beating = true;
    const answered = (data?: Uint8Array) => {
      this._beating = false;
      this.rttMs = Date.now() - sent;
      const time = data && command === SERVER_TIME ? timeMs(data) : 0;
      if (time) this._clockOffset = time + this.rttMs / 2 - Date.now();
    };
    // A refusal is an answer, and so is what can't be read.
    const failed = (error: unknown) => error instanceof Ended || answered();
    this._request(command, undefined, { timeoutMs: 0 }, answered, failed, Kind.NOW);
  }

  /** @internal */
  _changed(state: State): void {
    // What a handler does may change it again: the others see that after this one.
    const { _states: states } = this;
    if (states.push(state) > 1) return;
    for (; states.length; states.shift()) this._handlers._emit("state", states[0]);
  }

  /** @internal */
  _failed(error: unknown): void {
    this._link._log("error:", error);
    this._handlers._emit("error", error, (worse) => this._link._log("error:", worse));
  }
}
