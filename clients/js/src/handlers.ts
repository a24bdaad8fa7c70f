// The handlers of an application, by the command or event that they are for.

type Handler = (value: any) => unknown;

export class Handlers {
  private _lists = new Map<number | string, Handler[]>();

  /** Adds a handler; returns what removes it. */
  _add(key: number | string, handler: Handler): () => void {
    // A changed list is a new one, so that a list may be walked while its handlers come and go.
    this._lists.set(key, (this._lists.get(key) || []).concat(handler));
    return () => {
      this._lists.set(
        key,
        (this._lists.get(key) || []).filter((other) => other !== handler),
      );
    };
  }

  /** Calls all handlers of a key. One that throws harms no other: `failed` gets what it threw. Returns whether
   * there are any. */
  _emit(key: number | string, value: unknown, failed: (error: unknown) => void): boolean {
    const list = this._lists.get(key) || [];
    for (const handler of list) {
      try {
        const result = handler(value) as Promise<unknown> | undefined;
        if (result && typeof result.then === "function") result.then(undefined, failed);
      } catch (error) {
        failed(error);
      }
    }
    return list.length > 0;
  }
}
