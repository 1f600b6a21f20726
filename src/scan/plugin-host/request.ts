import { createEnvelopeReader, type Envelope } from '../../message/envelope/envelope.ts'
import type { Origin } from '../../message/envelope/origin.ts'

/** What a plugin's process is asked about one message. */
export interface PluginRequest {
  /** Must come back with the verdict; another one for each request. */
  readonly nonce: string
  /** Absolute path of the plugin. */
  readonly file: string
  /** Name of the export or C symbol. */
  readonly symbol: string
  /** What a C plugin returns: QHPSIRC and QHPSIRN. */
  readonly infectedCode: number
  readonly cleanCode: number
  /** Absolute path and bytes of the message. */
  readonly path: string
  readonly size: number
  /** The same of what is to be looked at, where that is a content of the message. */
  readonly part?: { readonly path: string; readonly size: number } | undefined
  /** Milliseconds until its deadline: the clock of one process says nothing to another. */
  readonly timeLeft: number
  readonly envelope: Envelope
  readonly origin?: Origin | undefined
}

export interface RequestReader {
  /**
   * Takes the next bytes, in any split. The request whose last byte is among them, else
   * undefined. Throws if these are no requests, or one follows before it was asked for.
   */
  push(chunk: Buffer): PluginRequest | undefined
}

const LF = 0x0a

/** One line of JSON, which says how long the envelope is, and that in its wire form. */
export function encodeRequest({ envelope, ...rest }: PluginRequest): Buffer {
  const { wire } = envelope
  const line = JSON.stringify({ ...rest, envelopeBytes: wire.length })
  return Buffer.concat([Buffer.from(`${line}\n`), wire])
}

/** Reads what `encodeRequest` makes, one request after another. */
export function createRequestReader(): RequestReader {
  let chunks: Buffer[] = []
  let size = 0
  /** Of the request that is coming; unknown until its line is here. */
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
