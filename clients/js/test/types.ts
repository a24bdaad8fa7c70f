// What the types allow, and what they refuse: types.test.mjs compiles this file.

import { Client, type Codec, type Command, Ended, type Packet, Refused, TimedOut } from "sysconn-client";
import { account, echo, type m1002Toc, monitor, room } from "sysconn-client/messages";
import { wechat } from "sysconn-client/wechat";

const client = new Client(() => Promise.resolve("ws://x/"), {
  login: async () => ({ command: account.login, message: { account: "a", roleId: BigInt(7) } }),
  heartbeat: false,
  advice: (code, reason) => (code === 4100 && reason ? "never" : undefined),
});

export async function calls(signal: AbortSignal): Promise<bigint> {
  const login: m1002Toc = await client.call(account.login, { account: "a" }, { signal, offline: "reject" });
  const bytes: Uint8Array = await client.call(echo.echo, new Uint8Array(1));
  const raw: Uint8Array = await client.call(1101, bytes);
  await client.call(account.logout);
  // @ts-expect-error: the message is another's.
  await client.call(room.join, { account: "a" });
  // @ts-expect-error: a number takes bytes.
  await client.call(1101, "text");
  // @ts-expect-error: 64-bit ids are bigints.
  await client.call(monitor.kick, { id: 7 });
  for await (const reply of client.stream(echo.burst, raw)) reply.set([1]);
  return login.roleId;
}

export function events(): void {
  client.on(room.said, ({ text, roleId }) => text.length + Number(roleId));
  client.on(1210, (data) => data.length);
  client.on("state", (state) => state === "waiting");
  client.on("refused", (refused: Refused) => refused.errorId);
  client.on("unhandled", (packet: Packet) => packet.cmd);
  // @ts-expect-error: there is no such event.
  client.on("opened", () => {});
  // @ts-expect-error: nor such a state.
  client.on("state", (state) => state === "opened");
}

const text: Codec<string> = { encode: () => new Uint8Array(0), decode: () => "" };
export const command: Command<string, string> = { cmd: 2001, request: text, reply: text };
export const reply: Promise<string> = client.call(command, "a");
export const isRun = (error: Ended | TimedOut): boolean => error.mayHaveRun;
export const connector = (wx: Parameters<typeof wechat>[0]) =>
  new Client("wss://x/", { connector: wechat(wx) });
