// What browsers and Node bring; mini-games bring their own.

import type { Connector } from "./types.js";

/** Opens the platform's WebSockets, and watches whether the page is visible and online. */
export const browser: Connector = (url, protocols) => new WebSocket(url, protocols);

browser.watch = (wake) => {
  if (typeof document === "undefined") return () => {};
  const visible = () => document.visibilityState === "visible" && wake();
  const both = (action: "addEventListener" | "removeEventListener") => {
    document[action]("visibilitychange", visible);
    self[action]("online", wake);
  };
  both("addEventListener");
  return () => both("removeEventListener");
};

/** Inflates a zlib stream (RFC 1950). */
export async function inflate(data: Uint8Array): Promise<Uint8Array> {
  if (typeof DecompressionStream === "undefined") throw new Error("needs the option inflate");
  const stream = new Response(data as BodyInit).body!.pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
