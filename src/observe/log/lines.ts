/** The most bytes of a line of ours, even inside a journal's JSON. */
export const LINE_MAX = 64 * 1024

const LINE_END = 10

/** Takes whole lines: `bytes` from `start` to `end`, the last of which is a line end. */
export type TakeLines = (bytes: Buffer, start: number, end: number) => void

export interface LineCutter {
  push(chunk: Buffer): void
  /** Hands on the rest, which has no line end. Its last word may be cut, and is left out. */
  end(): void
}

/**
 * Cuts bytes that come in any pieces into runs of whole lines. It copies only lines that lie in two
 * pieces. Such a line is dropped if it is longer than LINE_MAX: so memory stays bounded, whatever a
 * file holds.
 */
export function createLineCutter(take: TakeLines): LineCutter {
  let kept: Buffer[] = []
  let size = 0
  let dropping = false

  function keep(bytes: Buffer): void {
    if (dropping || bytes.length === 0) return
    size += bytes.length
    if (size > LINE_MAX) {
      dropping = true
      forget()
    } else kept.push(Buffer.from(bytes)) // a copy: the chunk's memory is read into again
  }

  function forget(): void {
    kept = []
    size = 0
  }

  return {
    push(chunk) {
      const last = chunk.lastIndexOf(LINE_END)
      if (last < 0) return keep(chunk)
      let start = 0
      if (size > 0 || dropping) {
        start = chunk.indexOf(LINE_END) + 1
        keep(chunk.subarray(0, start))
        if (!dropping) {
          const line = Buffer.concat(kept)
          take(line, 0, line.length)
        }
        dropping = false
        forget()
      }
      if (last + 1 > start) take(chunk, start, last + 1)
      keep(chunk.subarray(last + 1))
    },
    end() {
      const rest = Buffer.concat(kept)
      const whole = rest.subarray(0, Math.max(0, rest.lastIndexOf(0x20)))
      forget()
      dropping = false
      if (whole.length > 0) take(Buffer.concat([whole, Buffer.of(LINE_END)]), 0, whole.length + 1)
    },
  }
}
