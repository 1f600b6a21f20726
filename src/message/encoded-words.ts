/**
 * Whether a field may hide a line end, or a NUL, in an encoded word (RFC 2047): ripmime
 * decodes a header before it looks for its fields, and finds one that no other reader sees.
 * As lax as such readers: what is no whole encoded word counts as well.
 */
export function hidesLineEnd(text: string): boolean {
  if (!text.includes('=?')) return false
  for (const [, encoding, encoded] of text.matchAll(/\?([bq])\?([^?]*)/gi)) {
    const hides =
      encoding!.toLowerCase() === 'q'
        ? /=0[0ad]/i.test(encoded!)
        : /[\0\n\r]/.test(Buffer.from(encoded!, 'base64').toString('latin1'))
    if (hides) return true
  }
  return false
}
