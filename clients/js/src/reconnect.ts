// Whether to connect again after a loss, and after how long.

import { ADVICE } from "./advice.js";
import type { Advice } from "./errors.js";
import type { Options } from "./types.js";

/** What the server's protocol advises after this close code. Codes that are not in its table, those of proxies
 * and of broken connections, mean "later". */
export function adviceOf(code: number): Advice {
  return ADVICE[code] || "later";
}

/** The seconds in a Close reason that ends in `retry=SECONDS`; undefined in others. */
export function retrySeconds(reason: string): number | undefined {
  const match = /(?:^|[\s;,])retry=(\d{1,6})$/.exec(reason);
  return match ? +match[1] : undefined;
}

/** The milliseconds to wait before connecting again, after `failures` losses in a row before this one. */
export function waitMs(
  advice: Advice,
  retry: number | undefined,
  failures: number,
  { firstMs = 1000, maxMs = 60000 }: Options["backoff"] = {},
): number {
  if (retry) return retry * 1000 * (1 + Math.random());
  if ((advice === "now" || retry === 0) && !failures) return 0;
  // Never 0: Math.random() can be.
  return (1 - Math.random()) * Math.min(maxMs, firstMs * 2 ** failures);
}
