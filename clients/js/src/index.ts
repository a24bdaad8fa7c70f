export { Client } from "./client.js";
export { Ended, Refused, TimedOut } from "./errors.js";
export type { Advice } from "./errors.js";
export { decodeReply, encodeRequest } from "./packet.js";
export type { Packet } from "./packet.js";
export { adviceOf } from "./reconnect.js";
export type {
  CallOptions,
  Codec,
  Command,
  CommandLike,
  Connector,
  Heartbeat,
  Login,
  Options,
  Socket,
  State,
} from "./types.js";
