// The reply to the heartbeat, without a protobuf library.

/** The `server_time_ms` in an `m_1044_toc`: field 1, a varint. 0 if it is not there. */
export function timeMs(data: Uint8Array): number {
  let time = 0;
  let i = 0;
  if (data[0] === 8)
    do time += (data[++i] & 127) * 128 ** (i - 1);
    while (data[i] > 127);
  return time;
}
