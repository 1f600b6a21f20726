import { CR, LF } from '../../../base/bytes/ascii.ts'

/** A server's reply to one command, in RESP2. It may be an error, or a sentinel's list. */
export type RespValue = RespItem | readonly RespItem[]

type RespItem = Buffer | string | null | RespError

/** An error that a server sent: `NOPERM this user has no permissions...`. */
export class RespError extends Error {}

const [ARRAY, BULK, TEXT, ERROR] = [...Buffer.from('*$+-')]

/** Upper limit, in bytes, for all texts of one reply. A verdict has 4,097. */
const TEXTS_MAX = 64 * 1024
/** Upper limit for the items of a list, as announced. A sentinel's answer has two. */
const ITEMS_MAX = 100
/** Upper limit, in bytes, for a line: a length, a word, an error. */
const LINE_MAX = 4096

/**
 * Parses replies in RESP2, the protocol of Redis (https://redis.io/docs/reference/protocol-spec), and passes
 * each complete reply to `take`. onescan has its own reader because of these limits: a text gets at most
 * TEXTS_MAX bytes, announced items get no memory before they arrive, and lists cannot be nested.
 *
 * Without them, an attacker that replaces the store ends the process with 220 bytes, 20 nested lists of 33 million
 * announced items each. The libraries have these faults:
 *
 * - iovalkey 0.4, ioredis 6.0 and @redis/client 6.3 allocate each array as announced, accept texts and lines
 *   of any length, and read nested lists until the stack is full. None has a setting for a limit. After the 220
 *   bytes, Node ends with a heap of 1 GiB, and the compiled runtime takes 5.1 GB (iovalkey) or 8.9 GB (ioredis). An
 *   announced text of 500 MB is kept as it arrives. After 800 KB of nested lists, iovalkey throws an error where it
 *   cannot be caught.
 * - iovalkey and ioredis continue in database 0 if SELECT is refused.
 * - @redis/client does not log in to a server without a password if a password is set.
 * - @valkey/valkey-glide 2.5 has its own sockets in 15 MB of machine code, but neither sentinels nor unix
 *   sockets.
 */
export class RespReader {
  readonly #take: (reply: RespValue) => void
  #bytes = 0
  #list: { readonly items: RespItem[]; readonly length: number } | undefined
  /** A text with its line end, of which `#left` bytes are missing. */
  #bulk: Buffer = Buffer.alloc(0)
  #left = 0
  #line: number[] = []
  #broken: unknown

  constructor(take: (reply: RespValue) => void) {
    this.#take = take
  }

  /**
   * Takes the next bytes, in any split. Throws for bytes that no store sends, and reads nothing
   * after them.
   */
  push(chunk: Buffer): void {
    if (this.#broken !== undefined) throw this.#broken
    try {
      this.#read(chunk)
    } catch (error) {
      this.#broken = error
      throw error
    }
  }

  #read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#left > 0) {
        const taken = chunk.copy(this.#bulk, this.#bulk.length - this.#left, at, at + this.#left)
        at += taken
        this.#left -= taken
        if (this.#left === 0) this.#end(this.#bulk.subarray(0, -2))
        continue
      }
      const byte = chunk[at++]!
      if (this.#line.at(-1) !== CR) {
        if (this.#line.push(byte) > LINE_MAX) throw new Error('sends a line that is too long')
        continue
      }
      if (byte !== LF) throw new Error('sent a CR inside a line')
      this.#line.pop()
      this.#takeLine()
    }
  }

  #takeLine(): void {
    const [type, ...rest] = this.#line
    this.#line = []
    const text = Buffer.from(rest).toString('latin1')
    this.#count(rest.length)
    if (type !== ARRAY && type !== BULK) {
      this.#end(simple(type, text))
      return
    }
    if (text === '-1') {
      this.#end(null) // the key or the list does not exist
      return
    }
    if (!/^[0-9]{1,9}$/.test(text)) throw new Error('sends an invalid length')
    const length = Number(text)
    if (type === BULK) this.#beginText(length)
    else this.#beginList(length)
  }

  #beginText(length: number): void {
    this.#count(length)
    this.#left = length + 2
    this.#bulk = Buffer.allocUnsafe(this.#left)
  }

  #beginList(length: number): void {
    if (length > ITEMS_MAX || this.#list !== undefined) {
      throw new Error('sends an answer with too many parts')
    }
    if (length === 0) this.#whole([])
    else this.#list = { items: [], length }
  }

  #count(length: number): void {
    this.#bytes += length
    if (this.#bytes > TEXTS_MAX) throw new Error(`sends an answer of more than ${TEXTS_MAX} bytes`)
  }

  #end(item: RespItem): void {
    if (this.#list === undefined) {
      this.#whole(item)
      return
    }
    const { items, length } = this.#list
    items.push(item)
    if (items.length === length) this.#whole(items)
  }

  #whole(reply: RespValue): void {
    this.#list = undefined
    this.#bytes = 0
    this.#take(reply)
  }
}

function simple(type: number | undefined, text: string): RespItem {
  if (type === TEXT) return text
  if (type === ERROR) return new RespError(text)
  throw new Error('sends an invalid answer')
}

/** Returns the bytes of a command: an array of its words. */
export function commandOf(words: readonly (string | Buffer)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${words.length}\r\n`)]
  for (const word of words) {
    const bytes = typeof word === 'string' ? Buffer.from(word) : word
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'))
  }
  return Buffer.concat(parts)
}
