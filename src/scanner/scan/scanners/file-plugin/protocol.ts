// The protocol on descriptor 3 between a plugin's process and the process that started it: a request one way,
// and then its answer the other way. Each is one line.

import { LF } from '../../../../base/bytes/ascii.ts'
import { startsWith } from '../../../../base/bytes/buffers.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import type { Origin } from '../../../../mail/message/envelope.ts'
import type { NamedPart } from '../../../plugin.ts'
import { clean, infected, type ScanResult, unknown } from '../findings/scan-result.ts'

/** Upper limit, in bytes, for a line that a plugin's process writes. */
const LINE_MAX = 64 * 1024
/** The variable for the number of bytes that the compiled runtime reserves for machine code. */
export const CODE_SETTING = 'BUN_JSC_jitMemoryReservationSize'

/**
 * Seconds of processor time after which the process of a plugin is renewed, documented in onescan-plugin(7).
 */
export const RENEWED_AFTER_SECONDS = 300

const ANSWER = 'onescan-answer/1'
const NONSENSE = 'wrote something other than an answer to descriptor 3'
const TOO_MUCH = `wrote more than ${LINE_MAX} bytes to descriptor 3`
const FINDING_NAME_MAX = 255
const REASON_MAX = 1000

/** The request to a plugin's process about one message. */
export interface PluginRequest {
  /** Returned with the answer; different for each request. */
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
  readonly part?:
    | ({ readonly path: string; readonly size: number } & Partial<NamedPart>)
    | undefined
  /** The data that mail programs show of the parts of the whole message. */
  readonly parts?: readonly NamedPart[] | undefined
  readonly hasMoreNames?: true | undefined
  /** Milliseconds until the deadline, because the monotonic clocks of two processes cannot be compared. */
  readonly timeLeft: number
  /** Milliseconds after its answer within which all that the plugin has begun must be over. */
  readonly settle: number
  /** The addresses of the envelope in latin1. */
  readonly sender: string
  readonly recipients: readonly string[]
  readonly origin?: Origin | undefined
}

/** A loaded plugin, with the milliseconds that are left for it. It rejects with the errors of the plugin. */
export type Plugin = (request: PluginRequest, timeLeft: number) => Promise<ScanResult>

/** Makes the bytes of a request: one line of JSON. */
export function encodeRequest(request: PluginRequest): Buffer {
  return Buffer.from(`${JSON.stringify(request)}\n`)
}

/**
 * Decodes the output of `encodeRequest`, in any split. Returns undefined while its end is missing. Throws for
 * bytes that are not one request: the next one comes only after the answer.
 */
export function decodeRequest(chunks: readonly Buffer[]): PluginRequest | undefined {
  return chunks.at(-1)?.at(-1) === LF ? JSON.parse(Buffer.concat(chunks).toString()) : undefined
}

/**
 * Returns the line that answers a request: a mark, the nonce of the request, and the answer as JSON. The
 * plugin does not know the nonce. So nothing that it writes to the descriptor by accident is an answer, even
 * if the sender of the mail chose the text. The line of an earlier answer is none either. Names are cut after
 * 255 characters, reasons after 1,000.
 */
export function encodeAnswer(nonce: string, answer: ScanResult): Buffer {
  return Buffer.from(`${ANSWER} ${nonce} ${JSON.stringify(cut(answer))}\n`)
}

/**
 * Decodes the bytes that a plugin's process has written since the request with that nonce. Returns undefined
 * while they are a part of a line. Anything but the one line that answers this request is *unknown*.
 */
export function decodeAnswer(nonce: string, bytes: Buffer): ScanResult | undefined {
  if (bytes.length > LINE_MAX) return unknown(TOO_MUCH)
  const end = bytes.indexOf(LF)
  if (end < 0) return undefined
  const opening = Buffer.from(`${ANSWER} ${nonce} `)
  const isAnswer = end === bytes.length - 1 && startsWith(bytes, opening)
  const parsed = isAnswer
    ? attempt(() => JSON.parse(bytes.toString('utf8', opening.length)))
    : undefined
  return resultOf(parsed) ?? unknown(NONSENSE)
}

function resultOf(value: unknown): ScanResult | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { answer, name, reason, cause } = value as Record<string, unknown>
  if (answer === 'clean') return clean
  if (answer === 'infected' && typeof name === 'string' && name !== '') return infected(name)
  if (answer === 'unknown' && typeof reason === 'string') return unknownAnswer(reason, cause)
  return undefined
}

function cut(result: ScanResult): ScanResult {
  switch (result.answer) {
    case 'clean':
      return clean
    case 'infected':
      return infected(result.name.slice(0, FINDING_NAME_MAX))
    case 'unknown':
      return unknownAnswer(result.reason.slice(0, REASON_MAX), result.cause)
    case 'unread':
      return unknown(result.reason.slice(0, REASON_MAX))
  }
}

/** Returns the unknown answer of the plugin itself, or that for an invalid answer. */
function unknownAnswer(reason: string, cause: unknown): ScanResult {
  return cause === 'plugin' ? unknown(reason, cause) : unknown(reason)
}
