// @generated from src/cause.rs by tests/vectors; changes here are lost.

import type { Advice } from "./errors.js";

/** Whether to connect again after each close code; after any other, "later". */
export const ADVICE: { [code: number]: Advice | undefined } = {
  1000: "never",
  1002: "never",
  1003: "never",
  1007: "never",
  1009: "never",
  4000: "never",
  4001: "never",
  4002: "never",
  4003: "now",
  4004: "never",
  4007: "never",
  4009: "now",
  4010: "never",
};
