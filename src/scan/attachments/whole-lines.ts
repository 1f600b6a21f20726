/** Bytes of the longest line that is handed on. */
export const LINE_MAX = 1024 * 1024

const LF = 0x0a

/**
 * The same bytes in chunks that end where a line ends. mailsplit misses a boundary that
 * a chunk's end runs through, and keeps a line that goes on in memory whatever its
 * length. So lines of more than LINE_MAX bytes are broken here; the rest begins with a
 * blank, for it must not be taken for a boundary.
 */
export async function* wholeLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [] // of the line that has not ended
  let length = 0
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(LF) + 1
    if (end > 0) {
      yield Buffer.concat([...held, chunk.subarray(0, end)])
      held = []
      length = 0
    }
    if (end < chunk.length) held.push(chunk.subarray(end))
    length += chunk.length - end
    if (length > LINE_MAX) {
      yield Buffer.concat([...held, lineBreak])
      held = [blank]
      length = 1
    }
  }
  if (length > 0) yield Buffer.concat(held)
}

const lineBreak = Buffer.from('\n')
const blank = Buffer.from(' ')
