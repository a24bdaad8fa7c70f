// All of the package in one file, for pages and engines that load scripts.

export * from "./index.js";
export { wechat } from "./wechat.js";
export * as messages from "./messages/index.js";
