// The replies to one request as an async iterable. It is written by hand: ES2017 has no async generators.

const MAX_WAITING = 256;

interface Taker<T> {
  _resolve(result: IteratorResult<T, undefined>): void;
  _reject(error: unknown): void;
}

export class Replies<T> implements AsyncIterableIterator<T> {
  private _waiting: T[] = [];
  private _takers: Taker<T>[] = [];
  private _over = false;
  private _error: unknown;
  /** Gives the request up. */
  _cancel!: () => void;

  /** Adds a reply. Returns false if too many wait already. */
  _push(value: T): boolean {
    const taker = this._takers.shift();
    if (taker) taker._resolve({ value, done: false });
    else if (this._waiting.length < MAX_WAITING) this._waiting.push(value);
    else return false;
    return true;
  }

  /** Ends the stream, after the replies that wait, with an error if there is one. */
  _finish(error?: unknown): void {
    if (this._over) return;
    this._over = true;
    this._error = error;
    // Where somebody waits, no reply does.
    for (const taker of this._takers.splice(0)) this._last(taker);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((_resolve, _reject) => {
      const taker = { _resolve, _reject };
      if (this._waiting.length) _resolve({ value: this._waiting.shift()!, done: false });
      else if (this._over) this._last(taker);
      else this._takers.push(taker);
    });
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this._cancel();
    this._waiting = [];
    this._finish();
    this._error = undefined;
    return this.next();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Hands out the error, once, and then the end. */
  private _last(taker: Taker<T>): void {
    const error = this._error;
    this._error = undefined;
    if (error) taker._reject(error);
    else taker._resolve({ value: undefined, done: true });
  }
}
