export * from "./commands.js";
export * from "./messages.js";
export { codec } from "./codec.js";
export { decodeUtf8, encodeUtf8 } from "./utf8.js";
