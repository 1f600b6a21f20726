import { createEnvelopeReader, type Envelope } from '../../envelope/envelope.ts'

/** What a plugin's process is asked. */
export interface PluginRequest {
  /** Must come back with the verdict. */
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
  /** Milliseconds of Date.now(). */
  readonly deadline: number
  readonly envelope: Envelope
}

const LF = 0x0a

/** One line of JSON, then the envelope in its wire form, to the end of the stream. */
export function encodeRequest({ envelope, ...rest }: PluginRequest): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(rest)}\n`), envelope.wire])
}

/** The request in what `encodeRequest` made. Throws where its end is missing. */
export function decodeRequest(bytes: Buffer): PluginRequest {
  const end = bytes.indexOf(LF)
  const envelope = createEnvelopeReader()
  envelope.push(bytes.subarray(end + 1))
  return { ...JSON.parse(bytes.toString('utf8', 0, end)), envelope: envelope.finish() }
}
