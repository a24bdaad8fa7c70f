// What ts-proto generates, as the client wants it.

import type { Codec } from "../types.js";
import type { BinaryWriter } from "./wire.js";

interface Generated<T> {
  encode(message: T): BinaryWriter;
  decode(data: Uint8Array): T;
  fromPartial(fields: any): T;
}

/** The codec of a message of ts-proto. It encodes what lacks fields too. */
export function codec<T>(message: Generated<T>): Codec<T> {
  return {
    encode: (fields) => message.encode(message.fromPartial(fields)).finish(),
    decode: (data) => message.decode(data),
  };
}
