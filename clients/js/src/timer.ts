// Timers that may be as long as one likes.

export type Timer = ReturnType<typeof setTimeout>;

/** Beyond this a platform's timer fires at once. */
const MAX_DELAY_MS = 0x7fffffff;

/** Calls `action` after this many milliseconds, or after 24 days if that is sooner. */
export function after(ms: number, action: () => void): Timer {
  return setTimeout(action, Math.min(ms, MAX_DELAY_MS));
}
