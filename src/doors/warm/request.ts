import { ENVELOPE_MAX } from '../../envelope/envelope.ts'
import { freeBuffer } from '../../runtime/free-buffer.ts'
import { createFrameReader } from './frames.ts'
import { GoCold } from './go-cold.ts'

/** What a client asks: doc/slot-protocol.md, "What the client sends". */
export interface Request {
  /** Those of its environment that onescan knows. */
  readonly variables: ReadonlyMap<string, string>
  /** Whether its descriptor for replies takes one. */
  readonly takesReply: boolean
  /** Milliseconds for scanning. */
  readonly timeLeft: number
  /** As on fd 1. */
  readonly envelope: Buffer
  /** Bytes of the message. */
  readonly size: number
  /** The message, or the absolute path of a file that holds it. */
  readonly message: Buffer | string
}

export interface RequestReader {
  /** Takes the next bytes, in any split. Throws GoCold if they are not a request, or too many. */
  push(chunk: Buffer): void
  /** Once all but the message is here: what is known of it. */
  readonly head: { readonly timeLeft: number } | undefined
  /** Once all of it is here. */
  readonly request: Request | undefined
  /** Whether this is no message, but the question which messages are withheld from scanners. */
  readonly asksWithheld: boolean
  /** Frees the message at once, not when the garbage collector finds it; it must be looked at no more. */
  free(): void
}

export interface RequestLimits {
  /** Bytes of a message. */
  readonly maxSize: number
  /** Called before memory is allocated for what the client sends; may throw. */
  readonly charge: (bytes: number) => void
}

/** What a conversation begins with. */
export const VERSION = 'osc1'
/** Tag of a question that is about no message, and of its answer. */
export const WITHHELD = 'w'
/** Bytes from which on a message has memory of its own: a small one is a part of a pool. */
const FREED_FROM = 64 * 1024
const VARIABLES_MAX = 256
/** Bytes that are charged for a variable beside its own. */
const VARIABLE_COST = 256
/** Bytes that are charged for a message in a file: its header block and what is read at a time. */
const LENT_COST = 1536 * 1024

/** A kind of frame: its limit in bytes, and whether it may be missing or come again. */
interface Kind {
  readonly order: number
  readonly limit: number
  readonly exact?: true
  readonly optional?: true
  readonly repeats?: true
}

const kinds: Readonly<Record<string, Kind>> = {
  '1': { order: 0, limit: 4, exact: true },
  V: { order: 1, limit: 64 * 1024, optional: true, repeats: true },
  R: { order: 2, limit: 1, exact: true },
  D: { order: 3, limit: 4, exact: true },
  E: { order: 4, limit: ENVELOPE_MAX },
  P: { order: 5, limit: 4096, optional: true },
  S: { order: 6, limit: 8, exact: true },
  M: { order: 7, limit: 1024 * 1024, optional: true, repeats: true },
  '.': { order: 8, limit: 0, exact: true },
}

const inOrder = Object.values(kinds)

export function createRequestReader({ maxSize, charge }: RequestLimits): RequestReader {
  const variables = new Map<string, string>()
  let next = 0 // order of the first kind that has not come
  let takesReply = false
  let timeLeft = 0
  let envelope: Buffer = Buffer.alloc(0)
  let path: string | undefined
  let size: number | undefined
  let body: Buffer | undefined
  let received = 0 // bytes of the message
  let request: Request | undefined
  let asksWithheld = false

  const reader = createFrameReader({ room, take })

  function room(tag: string, length: number): Buffer {
    if (asksWithheld) throw new GoCold('bytes behind the last frame')
    if (tag === WITHHELD && next === 1 && length === 0) return Buffer.alloc(0)
    const kind = Object.hasOwn(kinds, tag) ? kinds[tag]! : undefined
    if (kind === undefined) throw new GoCold('a frame of a tag that is not known here')
    checkOrder(tag, kind)
    if (length > kind.limit || (kind.exact && length !== kind.limit)) {
      throw new GoCold(`frame ${tag} of ${length} bytes`)
    }
    if (tag === 'M') return roomInBody(length)
    if (tag === 'V') charge(2 * length + VARIABLE_COST)
    else if (tag === 'E')
      charge(2 * length) // the envelope is copied when it is looked at
    else if (tag === 'P') charge(LENT_COST)
    return Buffer.allocUnsafe(length)
  }

  function checkOrder(tag: string, kind: Kind): void {
    const again = kind.repeats && kind.order === next - 1
    const skipped = inOrder.slice(next, kind.order).find(({ optional }) => !optional)
    if (!again && (kind.order < next || skipped)) throw new GoCold(`frame ${tag} out of order`)
    next = kind.order + 1
  }

  function roomInBody(length: number): Buffer {
    if (body === undefined) throw new GoCold('frame M behind a path')
    if (length > body.length - received) throw new GoCold('a message longer than its size')
    received += length
    return body.subarray(received - length, received)
  }

  function take(tag: string, payload: Buffer): void {
    switch (tag) {
      case '1':
        if (payload.toString('latin1') !== VERSION) throw new GoCold('another version of onescanc')
        return
      case 'V':
        takeVariable(payload.toString())
        return
      case 'R':
        if (payload[0]! > 1) throw new GoCold('frame R is neither 0 nor 1')
        takesReply = payload[0] === 1
        return
      case 'D':
        timeLeft = payload.readUInt32BE()
        return
      case 'E':
        envelope = payload
        return
      case 'P':
        path = payload.toString()
        return
      case 'S':
        takeSize(payload.readBigUInt64BE())
        return
      case WITHHELD:
        asksWithheld = true
        return
      case '.':
        end()
    }
  }

  function takeVariable(text: string): void {
    const equals = text.indexOf('=')
    const name = text.slice(0, equals)
    if (equals < 1 || text.includes('\0')) throw new GoCold('a variable without a name')
    if (variables.has(name)) throw new GoCold(`variable ${name} came twice`)
    if (variables.size === VARIABLES_MAX) throw new GoCold(`over ${VARIABLES_MAX} variables`)
    variables.set(name, text.slice(equals + 1))
  }

  function takeSize(bytes: bigint): void {
    if (bytes > BigInt(maxSize)) {
      throw new GoCold(`a message of ${bytes} bytes is over ${maxSize} (--max-size)`)
    }
    size = Number(bytes)
    if (path !== undefined) return
    charge(size)
    body = size < FREED_FROM ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size)
  }

  function end(): void {
    if (body !== undefined && received < body.length) {
      throw new GoCold('a message shorter than its size')
    }
    request = { variables, takesReply, timeLeft, envelope, size: size!, message: body ?? path! }
  }

  return {
    push(chunk) {
      if (request === undefined) reader.push(chunk)
      else if (chunk.length > 0) throw new GoCold('bytes behind the last frame')
      if ((request !== undefined || asksWithheld) && reader.amidst)
        throw new GoCold('bytes behind the last frame')
    },
    get asksWithheld() {
      return asksWithheld
    },
    get head() {
      return size === undefined ? undefined : { timeLeft }
    },
    get request() {
      return request
    },
    free() {
      if (body !== undefined) freeBuffer(body)
    },
  }
}
