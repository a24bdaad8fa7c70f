// The client: calls, streams and pushes over a link that reconnects.

import { Calls, type Pending } from "./calls.js";
import { decode, encode, number } from "./commands.js";
import { type Advice, Ended, Refused, TimedOut } from "./errors.js";
import { Handlers } from "./handlers.js";
import { Link } from "./link.js";
import { encodeRequest, type Packet } from "./packet.js";
import { Replies } from "./stream.js";
import { timeMs } from "./server_time.js";
import { after, type Timer } from "./timer.js";
import type { CallOptions, Command, CommandLike, Options, State } from "./types.js";

const SERVER_TIME = 1044;
/** ErrorIDs with which a login is tried again: too many requests, not available. */
const TRY_AGAIN = [5, 6];

/** A client of one server. It keeps one connection, and opens it again when it is lost. */
export class Client {
  /** The last heartbeat's time to the server and back; undefined before. */
  rttMs: number | undefined;
  /** How many answers came for requests that nobody waited for any more, or that were posted. */
  dropped = 0;
  private _calls = new Calls();
  private _queue: Pending[] = [];
  private _handlers = new Handlers();
  private _opening: { _resolve(): void; _reject(error: unknown): void }[] = [];
  private _link: Link;
  private _beating = false;
  private _clockOffset = 0;
  private _advice: Advice = "later";

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
   * client does not try again. */
  connect(): Promise<void> {
    return new Promise((_resolve, _reject) => {
      if (this.state === "open") return _resolve();
      this._opening.push({ _resolve, _reject });
      this._link._start();
    });
  }

  /** Sends a request, and resolves with its reply. Rejects with `Refused`, `TimedOut` or `Ended`. */
  call(command: number, message?: Uint8Array, options?: CallOptions): Promise<Uint8Array>;
  call<Q, R>(command: Command<Q, R>, message?: Q, options?: CallOptions): Promise<R>;
  call(command: CommandLike<any, any>, message?: unknown, options?: CallOptions): Promise<any> {
    return new Promise((resolve, reject) => {
      const cancel = this._request(command, message, options, (value) => (cancel(), resolve(value)), reject);
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
      (value) => {
        if (replies._push(value)) return;
        replies._cancel();
        finish(new Ended(0, "too many replies wait", this._advice, true));
      },
      finish,
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
    return true;
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

  /** Sends a request, or keeps it until the connection is open. Returns what gives it up. */
  private _request(
    command: CommandLike<any, any>,
    message: unknown,
    { timeoutMs = this._timeoutMs(), signal, offline }: CallOptions = {},
    reply: (value: any) => void,
    fail: (error: unknown) => void,
    now = false,
  ): () => void {
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
      _data: undefined!,
      _flag: 0,
      _answer: (packet) => {
        if (packet.errorId) return failWith(new Refused(packet.errorId, cmd, packet.data));
        arm();
        try {
          reply(decode(command, packet));
        } catch (error) {
          failWith(error);
        }
      },
      _end: (code, reason, mayHaveRun) => failWith(new Ended(code, reason, this._advice, mayHaveRun)),
    };
    try {
      pending._data = encode(command, message);
    } catch (error) {
      failWith(error);
      return finish;
    }
    if (signal) signal.addEventListener("abort", aborted);
    if (signal && signal.aborted) aborted();
    else {
      arm();
      if (now || (this.state === "open" && this._link._writable())) this._leave(pending);
      else this._wait(pending, offline);
    }
    return finish;
  }

  /** Keeps a request until the connection is open. */
  private _wait(pending: Pending, offline: CallOptions["offline"]): void {
    const { maxPending = 256 } = this._options;
    if (this.state === "closed" || offline === "reject") pending._end(0, "not connected", false);
    else if (this._queue.length >= maxPending) pending._end(0, "too many calls wait", false);
    else this._queue.push(pending);
  }

  private _leave(pending: Pending): void {
    this._link._send(encodeRequest(pending._cmd, this._calls._register(pending), pending._data));
  }

  private _timeoutMs(): number {
    const { timeoutMs = 10000 } = this._options;
    return timeoutMs;
  }

  /** @internal */
  _opened(): void {
    const { login } = this._options;
    const { _attempt: attempt } = this._link;
    if (!login) return this._open();
    const current = () => attempt === this._link._attempt;
    const failed = (error: unknown) => {
      if (!current()) return;
      if (!(error instanceof Refused)) {
        this._failed(error);
        if (current()) this._link._lost(1006, "no login", "later");
        return;
      }
      this._emit("refused", error);
      if (!current()) return;
      if (TRY_AGAIN.includes(error.errorId)) return this._link._lost(1000, "login refused", "later");
      this._reject(error);
      this._link._close(1000, "login refused");
    };
    const opened = () => current() && this._open();
    new Promise<{ command: any; message?: unknown }>((resolve) => resolve(login())).then(
      ({ command, message }) => {
        if (current()) this._finishLogin(command, message, opened, failed);
      },
      failed,
    );
  }

  private _finishLogin(
    command: CommandLike<any, any>,
    message: unknown,
    opened: () => void,
    failed: (error: unknown) => void,
  ): void {
    const cancel = this._request(command, message, undefined, () => (cancel(), opened()), failed, true);
  }

  private _open(): void {
    const waiting = this._queue;
    this._queue = [];
    while (waiting.length && this._link._writable()) this._leave(waiting.shift()!);
    this._queue = waiting.concat(this._queue);
    this._link._ready();
    for (const { _resolve } of this._opening.splice(0)) _resolve();
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
    for (const pending of this._queue.splice(0)) pending._end(code, reason, false);
    this._reject(new Ended(code, reason, advice, false));
  }

  /** @internal */
  _packet(packet: Packet): void {
    const { errorId, flag, cmd } = packet;
    const pending = flag ? this._calls._find(flag) : undefined;
    if (pending && pending._cmd === cmd) return pending._answer(packet);
    if (flag) this.dropped++;
    if (errorId) this._emit("refused", new Refused(errorId, cmd, packet.data));
    else if (!flag && !this._emit(cmd, packet)) this._emit("unhandled", packet);
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
      cancel();
      this._beating = false;
      this.rttMs = Date.now() - sent;
      const time = data && command === SERVER_TIME ? timeMs(data) : 0;
      if (time) this._clockOffset = time + this.rttMs / 2 - Date.now();
    };
    const failed = (error: unknown) => error instanceof Refused && answered();
    const cancel = this._request(command, undefined, { timeoutMs: 0 }, answered, failed, true);
  }

  private _emit(key: number | string, value: unknown): boolean {
    return this._handlers._emit(key, value, (error) => this._failed(error));
  }

  /** @internal */
  _changed(state: State): void {
    this._emit("state", state);
  }

  /** @internal */
  _failed(error: unknown): void {
    const { log = () => {} } = this._options;
    log(`error: ${error}`);
    this._handlers._emit("error", error, (worse) => log(`error: ${worse}`));
  }
}
