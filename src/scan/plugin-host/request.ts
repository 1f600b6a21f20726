import type { Origin } from '../../message/envelope/origin.ts'

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

const LF = 0x0a

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
