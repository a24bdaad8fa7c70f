// Packets: 9-byte header to the server, 11 bytes to the client; see docs/protocol.md.

/** A packet to the client. */
export interface Packet {
  /** 0 in a reply or push, otherwise why the request was refused. */
  errorId: number;
  /** The encoding of `data`: 0 raw, 1 zlib, 2 encrypted. */
  status: number;
  /** The Flag of the request; 0 in a push. */
  flag: number;
  cmd: number;
  data: Uint8Array;
}

/** The packet to the server with this content. Its Data is raw unless `status` says otherwise. */
export function encodeRequest(cmd: number, flag: number, data: Uint8Array, status = 0): Uint8Array {
  const message = new Uint8Array(9 + data.length);
  const view = new DataView(message.buffer);
  view.setUint16(0, Math.min(data.length, 65535));
  view.setUint8(2, status);
  view.setUint32(3, flag);
  view.setUint16(7, cmd);
  message.set(data, 9);
  return message;
}

/** Takes a message of the server apart. Returns undefined if it is shorter than a header, or its DataSize is
 * neither 65535 nor the length of its Data. */
export function decodeReply(message: ArrayBuffer | Uint8Array): Packet | undefined {
  const bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
  if (bytes.length < 11) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const size = view.getUint16(2);
  if (size !== 65535 && size !== bytes.length - 11) return undefined;
  return {
    errorId: view.getUint16(0),
    status: bytes[4],
    flag: view.getUint32(5),
    cmd: view.getUint16(9),
    data: bytes.subarray(11),
  };
}
