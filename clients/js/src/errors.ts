// How a call can fail.

/** Whether a client should connect again: at once, after a random delay, or not by itself. */
export type Advice = "now" | "later" | "never";

/** The server refused a request. */
export class Refused extends Error {
  constructor(
    /** Why; see docs/protocol.md for 1 to 99. The application's start at 100. */
    readonly errorId: number,
    readonly cmd: number,
    /** What came with the refusal: empty unless the route says otherwise. */
    readonly data: Uint8Array,
    /** Stands before the message: what the request was for, if the client sent it by itself. */
    what = "",
  ) {
    super(`${what}command ${cmd} was refused with ErrorID ${errorId}`);
    this.name = "Refused";
  }
}

/** No answer came in time. */
export class TimedOut extends Error {
  constructor(
    readonly cmd: number,
    /** Whether the request had left, so that the server may have handled it. */
    readonly mayHaveRun: boolean,
  ) {
    super(`command ${cmd} timed out`);
    this.name = "TimedOut";
  }
}

/** The connection ended, or there is none. */
export class Ended extends Error {
  constructor(
    /** The close code; 1006 if there was no Close frame, 0 if there was no connection. */
    readonly code: number,
    readonly reason: string,
    readonly advice: Advice,
    /** Whether the request had left, so that the server may have handled it. */
    readonly mayHaveRun: boolean,
  ) {
    super(`ended: ${code} ${reason}`);
    this.name = "Ended";
  }
}
