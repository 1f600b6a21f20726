/** A server's reply to one command, in RESP2; it may be an error. */
export type RespValue = Buffer | string | number | null | RespError | readonly RespValue[]

/** An error that a server sent: `NOPERM this user has no permissions...`. */
export class RespError extends Error {}

const CR = 0x0d
const LF = 0x0a
const [ARRAY, BULK, TEXT, ERROR, NUMBER] = [...Buffer.from('*$+-:')]

/** Most bytes of all texts of one reply. A verdict has 4,097. */
export const REPLY_MAX = 64 * 1024
/** Most elements of all arrays of one reply, as announced. A sentinel's answer has two. */
export const ELEMENTS_MAX = 100
/** Most arrays inside one another. */
export const DEPTH_MAX = 2
/** Most bytes of a line: a length, a number, an error. */
export const LINE_MAX = 4096

/** Reads the replies of a server. */
export interface RespReader {
  /** Takes the next bytes, in any split. Throws for bytes that no store sends, and reads nothing behind them. */
  push(chunk: Buffer): void
}

/** An array whose elements have not all come yet. */
interface OpenArray {
  readonly elements: RespValue[]
  readonly length: number
}

/**
 * Reads the protocol of Redis, RESP2 (https://redis.io/docs/reference/protocol-spec), and gives each whole
 * reply to `take`. It is a reader of our own because of its limits: a text gets REPLY_MAX bytes at most,
 * and announced elements get no room before they come. Otherwise somebody in the store's place could take
 * all memory with 13 bytes: the makers' own client, @redis/client 6.3, makes room for each array as it is
 * announced, and takes texts of any length.
 */
export function createRespReader(take: (reply: RespValue) => void): RespReader {
  let elements = 0
  let bytes = 0
  const open: OpenArray[] = []
  /** A text with its line end, of which `left` bytes are still to come. */
  let bulk: Buffer = Buffer.alloc(0)
  let left = 0
  let line: number[] = []
  let broken: Error | undefined

  /** Takes a whole element, and gives the reply to `take` if it is whole now. */
  function end(element: RespValue): void {
    let whole = element
    for (let array = open.at(-1); array !== undefined; array = open.at(-1)) {
      array.elements.push(whole)
      if (array.elements.length < array.length) return
      open.pop()
      whole = array.elements
    }
    elements = 0
    bytes = 0
    take(whole)
  }

  function takeLine(): void {
    const [type, ...rest] = line
    line = []
    const text = Buffer.from(rest).toString('latin1')
    count(rest.length)
    if (type !== ARRAY && type !== BULK) {
      end(simple(type, text))
      return
    }
    if (text === '-1') {
      end(null) // the key or the array does not exist
      return
    }
    if (!/^[0-9]{1,9}$/.test(text)) throw new Error('sends a length that is none')
    const length = Number(text)
    if (type === BULK) {
      count(length)
      left = length + 2
      bulk = Buffer.allocUnsafe(left)
      return
    }
    elements += length
    if (elements > ELEMENTS_MAX || open.length >= DEPTH_MAX) {
      throw new Error('sends an answer with more parts than any of a store has')
    }
    if (length === 0) end([])
    else open.push({ elements: [], length })
  }

  function count(length: number): void {
    bytes += length
    if (bytes > REPLY_MAX) throw new Error(`sends an answer of more than ${REPLY_MAX} bytes`)
  }

  function read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (left > 0) {
        const taken = chunk.copy(bulk, bulk.length - left, at, at + left)
        at += taken
        left -= taken
        if (left === 0) end(bulk.subarray(0, -2))
        continue
      }
      const byte = chunk[at++]!
      if (line.at(-1) !== CR) {
        if (line.push(byte) > LINE_MAX) throw new Error('sends a line without end')
        continue
      }
      if (byte !== LF) throw new Error('sends a CR amid a line')
      line.pop()
      takeLine()
    }
  }

  return {
    push(chunk) {
      if (broken) throw broken
      try {
        read(chunk)
      } catch (error) {
        broken = error as Error
        throw error
      }
    },
  }
}

function simple(type: number | undefined, text: string): RespValue {
  if (type === TEXT) return text
  if (type === ERROR) return new RespError(text)
  if (type === NUMBER) return Number(text)
  throw new Error('sends an answer that no store sends')
}

/** The bytes of a command: an array of its words. */
export function commandOf(words: readonly (string | Buffer)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${words.length}\r\n`)]
  for (const word of words) {
    const bytes = typeof word === 'string' ? Buffer.from(word) : word
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'))
  }
  return Buffer.concat(parts)
}
