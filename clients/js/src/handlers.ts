// The handlers of an application, by the command or event that they are for.

type Handler = (value: any) => unknown;

export class Handlers {
  private _lists = new Map<number | string, Handler[]>();

  /** `_failed` gets what a handler throws. */
  constructor(private _failed: (error: unknown) => void) {}

  /** Adds a handler; returns what removes it. */
  _add(key: number | string, handler: Handler): () => void {
    // A changed list is a new one, so that a list may be walked while its handlers come and go.
    let live = true;
    const own: Handler = (value) => live && handler(value);
    this._lists.set(key, this._get(key).concat(own));
    return () => {
      live = false;
      this._lists.set(
        key,
        this._get(key).filter((other) => other !== own),
      );
    };
  }

  /** Calls all handlers of a key. One that throws harms no other. Returns whether there are any. */
  _emit(key: number | string, value: unknown, failed = this._failed): boolean {
    const list = this._get(key);
    for (const handler of list) {
      try {
        Promise.resolve(handler(value)).catch(failed);
      } catch (error) {
        failed(error);
      }
    }
    return list.length > 0;
  }

  private _get(key: number | string): Handler[] {
    return this._lists.get(key) || [];
  }
}
