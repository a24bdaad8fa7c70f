// The reply to the heartbeat, without a protobuf library.

/** The `server_time_ms` in an `m_1044_toc`: field 1, a varint. 0 if it is not there. */
export function timeMs(data: Uint8Array): number {
  let time = 0;
  if (data[0] === 8)
    for (let i = 1; i === 1 || data[i - 1] > 127; i++) time += (data[i] & 127) * 2 ** (7 * (i - 1));
  return time;
}
