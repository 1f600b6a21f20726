/** Boundaries that are remembered; the first ones go. */
const KNOWN_MAX = 64

/** Of one header. */
const WRITTEN_MAX = 32

/** Bytes of the longest that is. RFC 2046 5.1.1 allows 70. */
const LENGTH_MAX = 1000

/** All that some reader may take for the boundary of a multipart around. */
export interface Boundaries {
  /** Takes what is in a header, however it is written. */
  learn(header: string): void
  /** Whether what stands behind `--` begins with one of them, in any letter case. */
  begins(bytes: Buffer, from: number): boolean
}

export function createBoundaries(): Boundaries {
  const known = new Set<string>()
  let lengths: number[] = []
  let firsts = new Set<number>()

  return {
    learn(header) {
      if (!/boundary/i.test(header)) return
      for (const boundary of written(header)) {
        known.delete(boundary)
        known.add(boundary)
      }
      for (const boundary of known) {
        if (known.size <= KNOWN_MAX) break
        known.delete(boundary)
      }
      lengths = [...new Set([...known].map(({ length }) => length))]
      firsts = new Set([...known].map((boundary) => boundary.charCodeAt(0)))
    },
    begins(bytes, from) {
      const first = bytes[from]
      if (first === undefined) return false
      if (!firsts.has(first >= 0x41 && first <= 0x5a ? first + 32 : first)) return false
      const text = bytes.toString('latin1', from, from + Math.max(...lengths)).toLowerCase()
      return lengths.some((length) => text.length >= length && known.has(text.slice(0, length)))
    },
  }
}

/** Each way of reading a `boundary` parameter, in small letters. */
function* written(header: string): Generator<string> {
  const text = header.replace(/[\0\v\f]/g, '')
  let joined = ''
  let left = WRITTEN_MAX
  for (const match of text.matchAll(/boundary[ \t]*(\*[0-9]*\*?)?[ \t\r\n]*=[ \t\r\n]*/gi)) {
    if (left-- === 0) return
    const rest = text.slice(
      match.index + match[0].length,
      match.index + match[0].length + LENGTH_MAX + 10,
    )
    const quoted = /^"((?:[^"\\]|\\[\s\S])*)/.exec(rest)?.[1]
    const token = /^[^\s;]*/.exec(rest)![0]
    const line = /^[^;\r\n]*/.exec(rest)![0]
    const raw = quoted ?? token
    for (const reading of [
      raw.replace(/\\([\s\S])/g, '$1').replace(/\r?\n[ \t]?/g, ''),
      raw,
      raw.replace(/\s+/g, ' '),
      /^"?([^"\r\n]*)/.exec(rest)![1]!,
      token.replace(/["'<>]/g, ''),
      token.replace(/\(.*$/, ''),
      line.replace(/["']/g, ''),
    ]) {
      yield* usable(reading)
    }
    if (match[1] !== undefined) {
      const value = raw.replace(/^[^']*'[^']*'/, '')
      const plain = value.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      )
      yield* usable(plain)
      joined += plain
      yield* usable(joined)
    }
  }
}

function* usable(reading: string): Generator<string> {
  const boundary = reading.slice(0, LENGTH_MAX).toLowerCase()
  const trimmed = boundary.trim()
  if (trimmed !== '') yield trimmed
}
