// UTF-8 without TextEncoder and TextDecoder, which mini-games lack.

const REPLACEMENT = 0xfffd;

/** The UTF-8 of a text. A surrogate without its partner becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const char of text) {
    let code = char.codePointAt(0)!;
    if (code >= 0xd800 && code < 0xe000) code = REPLACEMENT;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else {
      if (code < 0x10000) bytes.push(0xe0 | (code >> 12));
      else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63));
      bytes.push(0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
  }
  return new Uint8Array(bytes);
}

/** The text of UTF-8. Each maximal part that is none becomes U+FFFD, as with TextDecoder. */
export function decodeUtf8(bytes: Uint8Array): string {
  let text = "";
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at++];
    let code = first;
    if (first >= 0x80) {
      const more =
        first >= 0xf0 && first < 0xf5
          ? 3
          : first >= 0xe0 && first < 0xf0
            ? 2
            : first >= 0xc2 && first < 0xe0
              ? 1
              : 0;
      code = more ? first & (63 >> more) : REPLACEMENT;
      for (let i = 0; i < more; i++) {
        // The second byte may not make the code too small, a surrogate, or too large.
        const low = i ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
        const high = i ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
        const next = bytes[at];
        if (!(next >= low && next <= high)) {
          code = REPLACEMENT;
          break;
        }
        code = (code << 6) | (next & 63);
        at++;
      }
    }
    text += String.fromCodePoint(code);
  }
  return text;
}
