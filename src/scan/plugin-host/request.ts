import { createEnvelopeReader, type Envelope } from '../../message/envelope/envelope.ts'
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
  readonly envelope: Envelope
  readonly origin?: Origin | undefined
}

export interface RequestReader {
  /**
   * Takes the next bytes, in any split. Returns the request if its last byte is among them, else
   * undefined. Throws for bytes that are no request, and for bytes behind a request.
   */
  push(chunk: Buffer): PluginRequest | undefined
}

const LF = 0x0a

/** Makes the bytes of a request: one line of JSON, with the length of the envelope, and the envelope's wire form. */
export function encodeRequest({ envelope, ...rest }: PluginRequest): Buffer {
  const { wire } = envelope
  const line = JSON.stringify({ ...rest, envelopeBytes: wire.length })
  return Buffer.concat([Buffer.from(`${line}\n`), wire])
}

/** Reads what `encodeRequest` makes, one request after another. */
export function createRequestReader(): RequestReader {
  let chunks: Buffer[] = []
  let size = 0
  /** Bytes of the request that is coming; unknown until its line is here. */
  let whole = Number.POSITIVE_INFINITY
  let line: Record<string, unknown> = {}

  function readLine(): void {
    const bytes = Buffer.concat(chunks)
    chunks = [bytes]
    const end = bytes.indexOf(LF)
    if (end < 0) return
    line = JSON.parse(bytes.toString('utf8', 0, end))
    whole = end + 1 + Number(line.envelopeBytes)
  }

  return {
    push(chunk) {
      chunks.push(chunk)
      size += chunk.length
      if (whole === Number.POSITIVE_INFINITY) readLine()
      if (size < whole) return undefined
      if (size > whole) throw new Error('bytes behind the request')
      const bytes = Buffer.concat(chunks)
      const { envelopeBytes, ...rest } = line
      const envelope = createEnvelopeReader()
      envelope.push(bytes.subarray(whole - Number(envelopeBytes)))
      chunks = []
      size = 0
      whole = Number.POSITIVE_INFINITY
      return { ...rest, envelope: envelope.finish() } as PluginRequest
    },
  }
}
