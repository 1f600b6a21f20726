const LF = 0x0a
const CR = 0x0d
const FROM = Buffer.from('From ')

/** The beginning of a message, or more bytes of the message that has begun. */
export type MboxPiece =
  | { readonly kind: 'message' }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }

export interface MboxReader {
  /** Takes the next bytes, in pieces of any size. */
  push(chunk: Buffer): Generator<MboxPiece, void>
  /** Ends the file. */
  finish(): Generator<MboxPiece, void>
}

/**
 * Returns whether these bytes are an mbox, which begins with `From `, and all of the bytes from the
 * first one on.
 */
export async function detectMbox(
  source: AsyncIterable<Buffer>,
): Promise<{ readonly isMbox: boolean; readonly bytes: AsyncIterable<Buffer> }> {
  const chunks = source[Symbol.asyncIterator]()
  let start: Buffer = Buffer.alloc(0)
  let ended = false
  while (start.length < FROM.length && !ended) {
    const { value, done } = await chunks.next()
    if (done) ended = true
    else start = Buffer.concat([start, value])
  }
  const bytes = (async function* () {
    yield start
    while (!ended) {
      const { value, done } = await chunks.next()
      if (done) return
      yield value
    }
  })()
  return { isMbox: isFrom(start, 0), bytes }
}

/** The pieces of an mbox that comes in pieces of any size. */
export async function* mboxPieces(bytes: AsyncIterable<Buffer>): AsyncGenerator<MboxPiece> {
  const reader = createMboxReader()
  for await (const chunk of bytes) yield* reader.push(chunk)
  yield* reader.finish()
}

/**
 * Splits an mbox (mbox(5)). A message begins behind a line `From ` that is the first line or
 * follows an empty line; the empty line at a message's end is not part of it. A line quoted as
 * `>From ` stays so. Takes constant memory, however long a line is.
 */
export function createMboxReader(): MboxReader {
  let held: Buffer = Buffer.alloc(0) // from the first line on that is not yet understood
  let place: 'line-start' | 'in-line' | 'in-from-line' = 'line-start'
  let fresh = true // whether nothing of the message came before this line

  function* read(bytes: Buffer, last: boolean): Generator<MboxPiece, void> {
    let at = 0
    let kept = 0 // from here on, bytes were not given yet
    let empty: number | undefined // where an empty line right before begins
    while (at < bytes.length) {
      if (place !== 'line-start') {
        const lf = bytes.indexOf(LF, at)
        at = lf < 0 ? bytes.length : lf + 1
        if (place === 'in-from-line') kept = at
        if (lf >= 0) place = 'line-start'
        continue
      }
      const end = endOfEmptyLine(bytes, at)
      if (end !== undefined) {
        empty = at
        at = end
        fresh = false
        continue
      }
      if (!last && mayBecome(bytes, at)) break
      if ((fresh || empty !== undefined) && isFrom(bytes, at)) {
        yield* give(bytes.subarray(kept, empty ?? at))
        yield { kind: 'message' }
        kept = at
        fresh = true
        place = 'in-from-line'
      } else {
        fresh = false
        place = 'in-line'
      }
      empty = undefined
    }
    const cut = empty ?? at
    yield* give(bytes.subarray(kept, cut))
    held = Buffer.from(bytes.subarray(cut))
  }

  return {
    push: (chunk) => read(held.length === 0 ? chunk : Buffer.concat([held, chunk]), false),
    finish: () => read(held, true),
  }
}

function* give(bytes: Buffer): Generator<MboxPiece, void> {
  if (bytes.length > 0) yield { kind: 'bytes', bytes }
}

function endOfEmptyLine(bytes: Buffer, at: number): number | undefined {
  if (bytes[at] === LF) return at + 1
  return bytes[at] === CR && bytes[at + 1] === LF ? at + 2 : undefined
}

function isFrom(bytes: Buffer, at: number): boolean {
  return bytes.subarray(at, at + FROM.length).equals(FROM)
}

/** Whether more bytes could make it an empty line, or a line of `From `. */
function mayBecome(bytes: Buffer, at: number): boolean {
  const rest = bytes.subarray(at, at + FROM.length)
  if (rest.length === 1 && rest[0] === CR) return true
  return rest.length < FROM.length && FROM.subarray(0, rest.length).equals(rest)
}
