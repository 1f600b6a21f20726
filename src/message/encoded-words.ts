/**
 * Whether a field may hide a line end, or a NUL, in an encoded word (RFC 2047): ripmime
 * decodes a header before it looks for its fields, and finds one that no other reader sees.
 * As lax as that: whatever follows the beginning of an encoded word is taken for one.
 */
export function hidesLineEnd(field: string): boolean {
  const from = field.indexOf('=?')
  if (from < 0) return false
  const words = field.slice(from)
  if (/=0[0ad]/i.test(words)) return true
  return [...words.matchAll(/\?\s*b\s*\?([^?]*)/gi)].some(([, encoded]) =>
    /[\0\n\r]/.test(Buffer.from(encoded!, 'base64').toString('latin1')),
  )
}

/** Whether one of the fields of a header does. */
export function hasHiddenLineEnd(header: string): boolean {
  return header.includes('=?') && header.split(/\n(?![ \t])/).some(hidesLineEnd)
}
