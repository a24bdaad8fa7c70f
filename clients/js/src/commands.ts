// Requests as Data, and Data as replies, by the codecs of a command.

import type { Packet } from "./packet.js";
import type { Command, CommandLike } from "./types.js";

/** The number of a command. */
export const number = (command: CommandLike<any, any>) =>
  typeof command === "number" ? command : command.cmd;

/** The Data of a request. */
export function encode(command: CommandLike<any, any>, message: unknown): Uint8Array {
  if (message === undefined || message === null) return new Uint8Array(0);
  // A number has none.
  const { request } = command as Command<any, any>;
  return request ? request.encode(message) : (message as Uint8Array);
}

/** The content of a reply or push. */
export function decode(command: CommandLike<any, any>, packet: Packet): any {
  if (packet.status && packet.data.length) throw new Error(`Data of status ${packet.status} can't be read`);
  const { reply } = command as Command<any, any>;
  return reply ? reply.decode(packet.data) : packet.data;
}
