// What goes over descriptor 3 between a plugin's process and the process that started it: requests
// one way; an answer, and that the plugin has settled, the other way. Each is one line.
import type { Origin } from '../../message/envelope/origin.ts'
import { clean, infected, type ScannerAnswer, unknown } from '../shared/scanner.ts'

const LF = 0x0a
/** Most bytes of a line that a plugin's process writes. */
export const LINE_MAX = 64 * 1024

const ANSWER = 'onescan-answer/1'
const SETTLED = 'onescan-settled/1'
export const NONSENSE = 'wrote something other than an answer to descriptor 3'
const TOO_MUCH = `wrote more than ${LINE_MAX} bytes to descriptor 3`
const NAME_MAX = 255
const WHY_MAX = 1000

/** The question to a plugin's process about one message. */
export interface PluginRequest {
  /** Comes back with the answer; each request has another one. */
  readonly nonce: string
  /** Absolute path of the plugin. */
  readonly file: string
  /** Name of the export or C symbol. */
  readonly symbol: string
  /** The values that a C plugin returns: QHPSIRC and QHPSIRN. */
  readonly infectedCode: number
  readonly cleanCode: number
  /** Absolute path of the message, and its size in bytes. */
  readonly path: string
  readonly size: number
  /** Path and size of the content to judge, if it is not the whole message. */
  readonly part?: { readonly path: string; readonly size: number } | undefined
  /** Milliseconds until the deadline, since the clock of one process says nothing to another. */
  readonly timeLeft: number
  /** The addresses of the envelope in latin1. */
  readonly sender: string
  readonly recipients: readonly string[]
  readonly origin?: Origin | undefined
}

/** Makes the bytes of a request: one line of JSON. */
export function encodeRequest(request: PluginRequest): Buffer {
  return Buffer.from(`${JSON.stringify(request)}\n`)
}

/** Reads what `encodeRequest` makes, one request after another. */
export class RequestReader {
  #chunks: Buffer[] = []

  /**
   * Takes the next bytes, in any split. Returns the request if its last byte is among them, else
   * undefined. Throws for bytes that are not a request, and for bytes after a request.
   */
  push(chunk: Buffer): PluginRequest | undefined {
    const end = chunk.indexOf(LF)
    if (end >= 0 && end < chunk.length - 1) throw new Error('bytes after the request')
    this.#chunks.push(Buffer.from(chunk))
    if (end < 0) return undefined
    const line = Buffer.concat(this.#chunks)
    this.#chunks = []
    return JSON.parse(line.toString())
  }
}

/**
 * Makes the line that answers a request: a mark, the nonce of the request, and the answer as JSON. The
 * plugin does not know the nonce, so what it writes to the descriptor by accident is never an answer.
 * Names are cut after 255 characters, reasons after 1,000.
 */
export function encodeAnswer(nonce: string, answer: ScannerAnswer): Buffer {
  return Buffer.from(`${ANSWER} ${nonce} ${JSON.stringify(cut(answer))}\n`)
}

/**
 * Makes the line that follows an answer once nothing of the plugin is under way any more: the process
 * may be asked about another message.
 */
export function encodeSettled(nonce: string): Buffer {
  return Buffer.from(`${SETTLED} ${nonce}\n`)
}

/** One reply of a plugin's process. */
export type PluginReply =
  | { readonly kind: 'answer'; readonly answer: ScannerAnswer }
  /** The process is ready for the next message. */
  | { readonly kind: 'settled' }
  /** Bytes that are not due: from now on nothing from this process is believed. */
  | { readonly kind: 'nonsense'; readonly why: string }

/**
 * Reads what a plugin's process writes to descriptor 3: for each request one answer with its nonce
 * and then, perhaps, the line that it has settled. Nothing else is allowed.
 */
export class ReplyReader {
  #due: 'answer' | 'settled' | 'nothing' = 'nothing'
  #nonce = ''
  #rest: Buffer = Buffer.alloc(0)

  /** Whether a part of a reply has come. */
  get amidst(): boolean {
    return this.#rest.length > 0
  }

  /** Notes that a request with this nonce is being made. */
  expect(nonce: string): void {
    this.#due = 'answer'
    this.#nonce = nonce
  }

  /** Takes the next bytes, in any split. Returns the replies that end in them. */
  push(chunk: Buffer): readonly PluginReply[] {
    this.#rest = Buffer.concat([this.#rest, chunk])
    const replies: PluginReply[] = []
    for (let end = this.#rest.indexOf(LF); end >= 0; end = this.#rest.indexOf(LF)) {
      replies.push(this.#replyIn(this.#rest.subarray(0, end + 1)))
      this.#rest = this.#rest.subarray(end + 1)
    }
    if (this.#rest.length > LINE_MAX) replies.push({ kind: 'nonsense', why: TOO_MUCH })
    else if (this.#isUndue()) replies.push({ kind: 'nonsense', why: NONSENSE })
    return replies
  }

  #replyIn(line: Buffer): PluginReply {
    if (this.#due === 'answer') {
      const answer = readAnswer(this.#nonce, line)
      this.#due = 'settled'
      if (answer !== undefined) return { kind: 'answer', answer }
    } else if (this.#due === 'settled' && line.equals(encodeSettled(this.#nonce))) {
      this.#due = 'nothing'
      return { kind: 'settled' }
    }
    return { kind: 'nonsense', why: NONSENSE }
  }

  /** Whether the bytes so far cannot be the beginning of the reply that is due. */
  #isUndue(): boolean {
    if (this.#due === 'answer' || this.#rest.length === 0) return false
    const wanted = this.#due === 'settled' ? encodeSettled(this.#nonce) : Buffer.alloc(0)
    return !wanted.subarray(0, this.#rest.length).equals(this.#rest)
  }
}

/** Returns the answer in a line that answers the request with that nonce; undefined in any other one. */
function readAnswer(nonce: string, line: Buffer): ScannerAnswer | undefined {
  const opening = `${ANSWER} ${nonce} `
  if (line.length > LINE_MAX) return undefined
  if (!line.subarray(0, opening.length).equals(Buffer.from(opening))) return undefined
  try {
    return scannerAnswerOf(JSON.parse(line.toString('utf8', opening.length)))
  } catch {
    return undefined
  }
}

function scannerAnswerOf(value: unknown): ScannerAnswer | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { answer, name, why, cause } = value as Record<string, unknown>
  if (answer === 'clean') return clean
  if (answer === 'infected' && typeof name === 'string' && name !== '') return infected(name)
  if (answer === 'unknown' && typeof why === 'string') return couldNotTell(why, cause)
  return undefined
}

function cut(answer: ScannerAnswer): ScannerAnswer {
  switch (answer.answer) {
    case 'clean':
      return clean
    case 'infected':
      return infected(answer.name.slice(0, NAME_MAX))
    case 'unknown':
      return couldNotTell(answer.why.slice(0, WHY_MAX), answer.cause)
  }
}

/** The plugin itself could not tell, or nobody knows what it said. */
function couldNotTell(why: string, cause: unknown): ScannerAnswer {
  return cause === 'plugin' ? unknown(why, cause) : unknown(why)
}
